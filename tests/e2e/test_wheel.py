"""The wheel, in a repository that has nothing else of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from spark_testkit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TEST = """
def test_rows(spark, schema):
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT id FROM range(10)")
    assert spark.table(f"{schema}.t").count() == 10


def test_more_rows(spark, schema):
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT id FROM range(20)")
    assert spark.table(f"{schema}.t").count() == 20
"""


def run(*command, cwd, **environment):
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A folder with one test, and an environment that holds the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("repository")
    built = tmp_path_factory.mktemp("wheel")
    program = uv.find_uv_bin()
    python = ("--python", sys.executable)
    run(program, "build", "-q", "--wheel", "--no-build-isolation", *python, "-o", built, cwd=ROOT)
    run(program, "venv", "-q", *python, folder / "venv", cwd=folder)
    (wheel,) = built.glob("*.whl")
    run(
        *(program, "pip", "install", "-q", "--compile-bytecode"),
        *("--python", folder / "venv" / "bin" / "python", wheel, "pytest-xdist"),
        cwd=folder,
    )
    (folder / "test_rows.py").write_text(TEST)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    return folder


@pytest.mark.parametrize("arguments", [(), ("-n", "2")])
def test_a_repository_outside_passes_with_the_wheel_alone(repository, tmp_path, arguments):
    environment = {
        "SPARK_TESTKIT_STATE_DIR": str(tmp_path / "state"),
        "SPARK_TESTKIT_CACHE_DIR": str(Settings.from_env(os.environ).cache_dir),
        "PYTHONPATH": "",
    }
    python = repository / "venv" / "bin" / "python"
    shown = run(python, "-m", "pytest", "-q", *arguments, cwd=repository, **environment)
    assert "2 passed" in shown
    assert not list((tmp_path / "state" / "stacks").glob("*/"))


def test_the_wheel_carries_its_data(repository):
    code = (
        "from spark_testkit.resources import resource; "
        "print([resource(name).exists() for name in "
        "('images/engines.toml', 'images/locks/4.1.lock', 'images/guard', "
        "'examples/coreetl_flights/coreetl_flights/job.py')], end=''); "
        "from importlib.resources import files; "
        "print(sorted(each.name for each in (files('spark_fixtures') / 'manifests').iterdir()))"
    )
    python = repository / "venv" / "bin" / "python"
    shown = run(python, "-c", code, cwd=repository, PYTHONPATH="")
    assert "[True, True, True, True]['clickstream.yaml', 'flights.yaml']" in shown
