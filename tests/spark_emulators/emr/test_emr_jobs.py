"""What spark-submit is told, and what is made of what a driver said."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.emr.applications import View
from spark_emulators.emr.errors import ValidationFailed
from spark_emulators.emr.failures import failure_details, last_exceptions, redacted
from spark_emulators.emr.jobs import (
    SparkJob,
    parse_command,
    parse_parameters,
    properties,
    spark_defaults,
    submit_argv,
)
from spark_emulators.emr.logs import driver_prefix, step_prefix
from spark_emulators.emr.requests import StartJobRun, parse
from spark_emulators.emr.submissions import spark_job

# what shells, properties files and Spark itself take as text
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def read_back(text: str) -> dict[str, str]:
    """A properties file of one line for each key, as java.util.Properties reads it."""
    found = {}
    for line in text.split("\n")[:-1]:
        parts, escaped = [""], False
        for each in line:
            if escaped:
                parts[-1] += {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}.get(each, each)
            elif each == "=":
                parts.append("")
            elif each != "\\":
                parts[-1] += each
            escaped = each == "\\" and not escaped
        key, value = parts
        found[key] = value
    return found


@given(st.dictionaries(WORDS, WORDS))
def test_configuration_survives_its_file(conf: dict[str, str]) -> None:
    found = read_back(properties({}, SparkJob("/x", conf=conf)))
    assert {key: found[key] for key in conf} == conf


def test_a_job_wins_over_defaults_and_those_over_the_emulators_own() -> None:
    job = SparkJob("/x", conf={"spark.a": "job"})
    text = properties({"spark.a": "default", "spark.ui.enabled": "true"}, job)
    assert read_back(text)["spark.a"] == "job"
    assert read_back(text)["spark.ui.enabled"] == "true"


@given(st.dictionaries(st.from_regex(r"spark\.x[a-z.]{1,9}", fullmatch=True), WORDS, min_size=1))
def test_parameters_are_words_of_a_shell(conf: dict[str, str]) -> None:
    text = shlex.join(part for pair in conf.items() for part in ("--conf", "=".join(pair)))
    assert parse_parameters(text) == ("", conf)


@given(st.text())
def test_parameters_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValidationFailed):
        parse_parameters(text)


def test_options_are_spelled_in_several_ways() -> None:
    main_class, conf = parse_parameters(
        "--class=org.Main --conf=spark.a=b=c -c spark.d=  --jars s3://b/a.jar,s3://b/b.jar "
        "--py-files x.zip --files f --executor-memory 2g --num-executors 3 -v --name 'a b'"
    )
    assert main_class == "org.Main"
    assert conf == {
        "spark.a": "b=c",
        "spark.d": "",
        "spark.jars": "s3://b/a.jar,s3://b/b.jar",
        "spark.submit.pyFiles": "x.zip",
        "spark.files": "f",
        "spark.executor.memory": "2g",
        "spark.executor.instances": "3",
        "spark.app.name": "a b",
    }


def test_a_steps_command_is_taken_apart() -> None:
    job = parse_command(["/usr/bin/spark-submit", "--class", "M", "s3://b/app.jar", "--x", "1"])
    assert (job.entry_point, job.arguments, job.main_class) == ("s3://b/app.jar", ("--x", "1"), "M")


@pytest.mark.parametrize("key", ["spark.master", "spark.submit.deployMode"])
def test_what_the_service_decides_is_refused_everywhere(key: str) -> None:
    with pytest.raises(ValidationFailed, match=key):
        parse_parameters(f"--conf {key}=x")
    with pytest.raises(ValidationFailed, match=key):
        spark_defaults([{"classification": "spark-defaults", "properties": {key: "x"}}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.just(""),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(WORDS, each, max_size=3),
    max_leaves=6,
)
SUBMIT = st.fixed_dictionaries(
    {"entryPoint": WORDS | JSON},
    optional={"entryPointArguments": JSON, "sparkSubmitParameters": WORDS | JSON},
)
REQUEST = st.fixed_dictionaries(
    {
        "clientToken": st.just("t") | JSON,
        "executionRoleArn": st.just("arn:aws:iam::123456789012:role/r") | JSON,
        "jobDriver": st.fixed_dictionaries({"sparkSubmit": SUBMIT}) | JSON,
    },
    optional={
        "configurationOverrides": JSON,
        "executionTimeoutMinutes": JSON,
        "mode": st.sampled_from(["BATCH", "STREAMING"]) | JSON,
        "retryPolicy": st.fixed_dictionaries({"maxAttempts": JSON}) | JSON,
        "tags": JSON,
    },
)
VIEW = View("a", "arn", "Spark", "emr-7.9.0", "STARTED", True, None, (), "")


@given(REQUEST)
def test_a_request_is_taken_or_refused_whatever_is_in_it(body: dict[str, Any]) -> None:
    with contextlib.suppress(ValidationFailed):
        request = parse(StartJobRun, body).checked()
        job = spark_job(VIEW, request)
        assert job.entry_point == body["jobDriver"]["sparkSubmit"]["entryPoint"]


def test_no_configuration_is_in_the_argv() -> None:
    job = SparkJob("app.py", ("1",), conf={"spark.secret": "s"})
    assert submit_argv(Path("/spark"), job, Path("/p"), 2) == [
        "/spark/bin/spark-submit",
        *("--master", "local[2]", "--deploy-mode", "client", "--properties-file", "/p"),
        "app.py",
        "1",
    ]


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (["Traceback (most recent call last):", "ValueError: no"], ["ValueError: no"]),
        (
            [
                'Exception in thread "main" org.apache.spark.SparkException: [A] b',
                "\tat x.y.Z(Z.scala:1)",
                "Caused by: java.io.IOException: disk",
                "\t... 3 more",
                "26/01/02 03:04:05 INFO ShutdownHookManager: Shutdown hook called",
            ],
            [
                "Caused by: java.io.IOException: disk",
                'Exception in thread "main" org.apache.spark.SparkException: [A] b',
            ],
        ),
        (["py4j.protocol.Py4JJavaError: An error"], ["py4j.protocol.Py4JJavaError: An error"]),
        (["KeyboardInterrupt"], ["KeyboardInterrupt"]),
        (["something went wrong", ""], ["something went wrong"]),
        ([], []),
    ],
)
def test_the_last_exceptions_are_found(log: list[str], expected: list[str]) -> None:
    assert last_exceptions(log) == expected


def test_a_python_drivers_exception_comes_first_wherever_it_is() -> None:
    stderr = ["java.io.IOException: task", "26/01/02 03:04:05 INFO SparkContext: stopped"]
    assert last_exceptions(stderr, ["ValueError: no"]) == [
        "ValueError: no",
        "java.io.IOException: task",
    ]
    assert last_exceptions(["said"], ["printed"]) == ["said"]


@given(st.integers(1, 255), st.lists(st.text(max_size=300), max_size=20))
def test_details_fit_the_api_and_name_the_code(code: int, lines: list[str]) -> None:
    details = failure_details(code, lines, lines, ())
    assert 1 <= len(details) <= 256
    assert f"ExitCode: {code}." in details


@given(st.text(), st.sets(st.text("abc", min_size=3, max_size=6), max_size=4))
def test_no_secret_is_left(text: str, secrets: set[str]) -> None:
    said = redacted("".join([text, *secrets, text]), secrets)
    assert not [each for each in secrets if each in said]


def test_logs_lie_where_aws_puts_them() -> None:
    assert driver_prefix("s3://b/l/", "app", "run", 1) == (
        "s3://b/l/applications/app/jobs/run/SPARK_DRIVER"
    )
    assert driver_prefix("s3://b", "app", "run", 2) == (
        "s3://b/applications/app/jobs/run/attempts/2/SPARK_DRIVER"
    )
    assert step_prefix("s3://b/l/", "j-1", "s-1") == "s3://b/l/j-1/steps/s-1"
