"""What manifests come to: jobs, and their meaning."""

import pytest
from manifests import PYTHON, SCALA, STREAM, also, but, conf, resources

from spark_platform.backends.settings import is_platforms, settings_of
from spark_platform.dcp.explanation import meanings
from spark_platform.dcp.jobs import job_of
from spark_platform.dcp.reading import examine, load
from spark_platform.kernel.errors import InvalidInput
from spark_platform.model import Executors, JobKind, JobSpec, Size


def job(text, name="run-1"):
    return job_of(load(text)).spec(name, "spark@sha256:1", "4.1.4")


def test_the_least_manifest_is_a_job_of_one_executor():
    assert job(PYTHON) == JobSpec(
        name="run-1",
        image="spark@sha256:1",
        spark_version="4.1.4",
        main="local:///opt/platform/python/flights/job.py",
        labels={"spark-platform/job": "flights", "spark-platform/domain": "travel"},
    )


def test_all_that_a_manifest_says_of_a_job_is_in_it():
    text = also(
        "  pyFiles: [s3a://code/lib.zip, more.py]",
        "  jars: [/opt/udfs.jar, udfs.jar]",
        "  args: [--day, 1, true, '2026-01-01']",
        "resources: {driver: {cores: 2, memory: 2Gi}, executor: {memory: 512m, min: 0, max: 9}}",
        "sparkConf: {spark.sql.shuffle.partitions: 8, spark.sql.ansi.enabled: false}",
        "secrets: {AWS_SECRET_ACCESS_KEY: 's3:secret'}",
        "timeout: 90m",
    )
    made = job(text)
    assert made.py_files == ("s3a://code/lib.zip", "local:///opt/platform/python/more.py")
    assert made.jars == ("local:///opt/udfs.jar", "local:///opt/platform/jars/udfs.jar")
    assert made.arguments == ("--day", "1", "true", "2026-01-01")
    assert (made.driver, made.executors) == (Size(2, 2048), Executors(Size(1, 512), 0, 9))
    assert made.conf == {"spark.sql.shuffle.partitions": "8", "spark.sql.ansi.enabled": "false"}
    assert made.secrets == {"AWS_SECRET_ACCESS_KEY": "s3:secret"}
    assert (made.kind, made.timeout_s) == (JobKind.BATCH, 5400)


def test_a_jar_has_a_class_and_a_continuous_job_no_limit():
    made = job(SCALA)
    assert made.main == "local:///opt/platform/jars/flights.jar"
    assert made.main_class == "com.example.Flights"
    made = job(STREAM)
    assert (made.kind, made.timeout_s) == (JobKind.STREAM, None)


def test_the_runs_name_is_the_callers_to_choose():
    with pytest.raises(InvalidInput, match="job name"):
        job(PYTHON, name="Run_1")


def test_what_a_manifest_may_set_a_backend_takes():
    assert settings_of(job(conf("spark.sql.ansi.enabled: true"))) == {
        "spark.sql.ansi.enabled": "true"
    }
    assert is_platforms("spark.executor.memory")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{instances: 3}", (3, 3)), ("{min: 0, max: 5}", (0, 5)), ("{cores: 2}", (1, 1))],
)
def test_how_many_executors_there_are(text, expected):
    manifest = load(resources(f"{{executor: {text}}}"))
    assert manifest.spec.resources.executor.bounds == expected


def test_each_value_is_told_with_its_place():
    text = also("inputs:", "- unity.a.b", "- topic: clicks", "ttl: 1d")
    found = {each.path: each for each in meanings(*examine(text))}
    told = {path: (each.value, each.source, each.line) for path, each in found.items()}
    assert told["metadata.name"] == ("flights", "file", 4)
    assert told["spec.engine.version"] == ("4.1", "file", 8)
    assert told["spec.inputs[0].table"] == ("unity.a.b", "file", 13)
    assert told["spec.inputs[1].topic"] == ("clicks", "file", 14)
    assert told["spec.ttl"] == ("1d", "file", 15)
    assert told["spec.resources.driver.memory"] == ("1g", "default", None)
    assert told["spec.timeout"] == (None, "default", None)
    assert "spec.inputs[0].topic" not in told


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *",
        "*/15 0-23/2 1,15 JAN-MAR,12 MON-FRI",
        "0 6 * * 7",
        "5/10 * * * sun",
        "0 0 29 2 *",
        # either the day or the weekday
        "0 0 31 2 MON",
    ],
)
def test_schedules_that_strike(cron):
    text = also(f'schedule: {{cron: "{cron}"}}')
    assert load(text).spec.schedule.cron == cron


@pytest.mark.parametrize(
    "cron", ["*/0 * * * *", "*-5 * * * *", "1--2 * * * *", ", * * * *", "0 0 0 * *", "0 0 * 13 *"]
)
def test_schedules_that_are_none(cron):
    with pytest.raises(InvalidInput, match=r"spec\.schedule\.cron"):
        load(also(f'schedule: {{cron: "{cron}"}}'))


def test_only_engines_that_are_there_are_taken():
    assert load(PYTHON, engines=("4.1",)).spec.engine.version == "4.1"
    with pytest.raises(InvalidInput, match=r"allowed: 3\.5, 4\.1"):
        load(but(('"4.1"', '"4.0"')), engines=("3.5", "4.1"))
