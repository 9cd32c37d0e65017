"""Commands that lead clients to a stack, without one: env, sql, demo, engines install."""

import contextlib
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import AnalysisException
from typer.testing import CliRunner

from spark_platform.kernel.errors import CommandFailed, InvalidInput, Terminal
from spark_testkit import connect
from spark_testkit.cli import engines
from spark_testkit.cli.main import app
from spark_testkit.demonstration import way
from spark_testkit.engine import engine_spec
from spark_testkit.stack import Stack
from spark_testkit.variables import SPOILERS

S3 = {"AWS_ACCESS_KEY_ID": "a key", "AWS_SECRET_ACCESS_KEY": "$ecret", "AWS_REGION": "us-east-1"}
SPARK = {"SPARK_REMOTE": "sc://localhost:15002/;token=x"}
NAMES = [spoiler.name for spoiler in SPOILERS]


@pytest.fixture(autouse=True)
def state(settings, monkeypatch):
    """Away from the user's own stacks and variables."""
    for name in (*NAMES, *S3, *SPARK):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.as_env().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def exports(monkeypatch):
    """What the stack says clients need; a test may change it."""
    exports = {**S3, **SPARK}
    monkeypatch.setattr(Stack, "env", lambda self: exports)
    return exports


def run(*arguments):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def unset(text):
    return [line.removeprefix("unset ") for line in text.splitlines() if line.startswith("unset ")]


def test_env_leaves_a_clean_environment_alone(exports):
    assert unset(run("env").stdout) == []


def test_env_unsets_what_is_in_the_way(exports, monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "mine")
    text = run("env").stdout
    assert unset(text) == NAMES
    shell = subprocess.run(["bash", "-c", f"{text}\nenv"], capture_output=True, text=True)
    seen = dict(line.split("=", 1) for line in shell.stdout.splitlines() if "=" in line)
    assert not seen.keys() & set(NAMES)
    assert {name: seen[name] for name in exports} == exports


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "SPARK_REMOTE"])
def test_env_unsets_nothing_that_the_stack_does_not_replace(exports, monkeypatch, missing):
    for name in NAMES:
        monkeypatch.setenv(name, "mine")
    del exports[missing]
    expected = [spoiler.name for spoiler in SPOILERS if spoiler.spoils != missing]
    assert unset(run("env").stdout) == expected


class Session:
    """What `sql` uses of a session; it may fail, and ends once."""

    columns = ("n",)
    rows = ((1,),)

    def __init__(self, failure=None):
        self._failure = failure
        self.ended = 0

    def sql(self, query):
        if self._failure:
            raise self._failure
        return self

    def limit(self, count):
        return SimpleNamespace(collect=lambda: self.rows[:count])


@pytest.fixture
def session(monkeypatch, exports):
    session = Session()
    monkeypatch.setattr(connect, "open_session", lambda url: session)
    monkeypatch.setattr(connect, "end_session", lambda each: setattr(each, "ended", 1))
    return session


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        (["n", "m"], ["n", "m"]),
        (["n", "n"], ["n", "n_2"]),
        (["n", "n", "n"], ["n", "n_2", "n_3"]),
        (["n", "n", "n_2"], ["n", "n_3", "n_2"]),
        (["n_2", "n", "n", "n_2"], ["n_2", "n", "n_3", "n_2_2"]),
        (["", ""], ["", "_2"]),
    ],
)
def test_sql_loses_no_column_to_another_of_its_name(session, columns, keys):
    session.columns, session.rows = columns, [tuple(range(len(columns)))]
    [row] = json.loads(run("sql", "SELECT …", "-o", "json").stdout)
    assert list(row.items()) == list(zip(keys, range(len(columns)), strict=True))
    assert session.ended


def test_sql_shows_columns_as_they_are_called(session):
    session.columns, session.rows = ["n", "n"], [(1, None)]
    assert run("sql", "SELECT …").stdout.split() == ["n", "n", "1", "NULL"]


def failing(monkeypatch, where, error):
    def fail(*_):
        raise error

    if where == "open":
        monkeypatch.setattr(connect, "open_session", fail)
    else:
        monkeypatch.setattr(connect, "open_session", lambda url: Session(error))


@pytest.mark.parametrize("where", ["open", "query"])
def test_sql_explains_a_spark_that_does_not_answer(session, monkeypatch, where):
    failing(monkeypatch, where, PySparkException("UNAVAILABLE\n\nJVM stacktrace:\nat …"))
    with pytest.raises(Terminal) as caught:
        run("sql", "SELECT 1")
    assert caught.value.message == "UNAVAILABLE"
    assert "spark-testkit status" in caught.value.hint


@pytest.mark.parametrize("where", ["open", "query"])
def test_sql_explains_a_query_that_makes_no_sense(session, monkeypatch, where):
    error = AnalysisException("no such table\n\nJVM stacktrace:\nat …", errorClass="NO_TABLE")
    failing(monkeypatch, where, error)
    with pytest.raises(InvalidInput) as caught:
        run("sql", "SELECT * FROM nothing")
    assert "no such table" in caught.value.message
    assert "stacktrace" not in caught.value.message


def test_sql_tells_why_a_job_failed_without_the_jvms_stack(session, monkeypatch):
    said = "Job aborted\n\tat java.lang.Thread.run(Thread.java:840)\nCaused by: boom\n\t... 28 more"
    failing(monkeypatch, "query", PySparkException(said))
    with pytest.raises(Terminal) as caught:
        run("sql", "SELECT 1")
    assert caught.value.message == "Job aborted\nCaused by: boom"


@pytest.fixture
def steps(monkeypatch, exports):
    """The demo's steps, recorded and not run."""
    steps = []

    def record(argv, **options):
        steps.append((argv, options))
        if "--report" in argv:
            Path(argv[-1]).write_text('{"steps": [{"seconds": 1}]}')

    ended = SimpleNamespace(model_dump=lambda **_: {"state": "SUCCEEDED"})
    monkeypatch.setattr(way, "run", record)
    monkeypatch.setattr(Stack, "up", lambda self, *_, **__: {"all": dict(exports)})
    monkeypatch.setattr(way, "_runner", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(way, "_ran", lambda *_: ended)
    monkeypatch.setattr(way, "connect_remote", lambda *_, **__: SPARK["SPARK_REMOTE"])
    return steps


def test_the_demos_steps_die_with_it(steps):
    assert run("demo", "-o", "json").exit_code == 0
    assert [argv[2] for argv, _ in steps] == [
        f"coreetl_flights.{each}" for each in ("data", "package", "results")
    ]
    assert all(options["dies_with_caller"] for _, options in steps)


def test_the_demos_steps_see_the_stacks_variables_and_none_in_the_way(steps, exports, monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "mine")
    run("demo", "-o", "json")
    for _, options in steps:
        assert not options["env"].keys() & set(NAMES)
        assert exports.items() <= options["env"].items()
    assert os.environ["AWS_PROFILE"] == "mine"


def test_a_step_of_the_demo_that_fails_is_named(steps, monkeypatch):
    def fail(argv, **_):
        raise CommandFailed(argv, 7, "its output")

    monkeypatch.setattr(way, "run", fail)
    with pytest.raises(Terminal, match=r"-m coreetl_flights\.data failed \(exit code 7\)"):
        run("demo")


def test_engines_install_tries_a_failed_archive_again(monkeypatch):
    asked = {}

    def install(version, settings, **options):
        asked.update(options)
        return SimpleNamespace(spec=engine_spec(version), spark_home="", jars=(), cds_archive=None)

    monkeypatch.setattr(engines, "install", install)
    assert json.loads(run("engines", "install", "4.1", "-o", "json").stdout)["version"] == "4.1"
    assert asked["retry_archive"] is True
