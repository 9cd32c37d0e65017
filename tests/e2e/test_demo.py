"""The main job on real data, and the example repository's own tests."""

import json
import os
import subprocess
import sys

import pytest
from demos import went_the_whole_way
from kube_nodes import need_namespaces
from stacks import cli, folders_of, processes_of

from spark_testkit.resources import resource
from spark_testkit.settings import Settings


@pytest.fixture
def settings(tmp_path):
    import dataclasses

    return dataclasses.replace(Settings.from_env(os.environ), state_dir=tmp_path / "state")


def test_the_demo_goes_the_whole_way_and_takes_its_stack_down(settings):
    need_namespaces()
    # as on kind, and with a catalog that asks who the job is
    result = cli("demo", "--auth", "-o", "json", settings=settings, timeout=800)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    went_the_whole_way(report, auth=True)
    assert report["tables"]["unity.flights.flights_enriched"]["snapshots"] == 2
    assert report["tables"]["unity.flights.daily_delays"]["rows"] == 3 * 365
    assert report["run"]["state"] == "SUCCEEDED"
    assert processes_of(settings) == []
    assert folders_of(settings) == []


@pytest.mark.parametrize(("example", "tests"), [("coreetl_flights", 5), ("clickstream", 2)])
def test_an_example_repositorys_own_tests_pass(settings, example, tests):
    environment = {**os.environ, **settings.as_env()}
    environment.pop("PYTEST_ADDOPTS", None)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=resource(f"examples/{example}"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert f"{tests} passed" in result.stdout
