"""A killed test run leaves nothing: not with one process, not with workers."""

import dataclasses
import os
import signal
import subprocess
import sys

import pytest
from stacks import folders_of, processes_of

from spark_platform.kernel.process import ProcessId
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.settings import Settings

HANGS = """
import pathlib, time

def test_hangs(spark, tmp_path_factory, worker):
    assert spark.range(3).count() == 3
    pathlib.Path(__file__).with_name(f"started-{worker}").touch()
    time.sleep(600)
"""
CONFTEST = """
import pytest

def pytest_generate_tests(metafunc):
    metafunc.parametrize("worker", ["a", "b"])
"""
GONE_WITHIN_S = 10


@pytest.fixture
def settings(tmp_path):
    return dataclasses.replace(Settings.from_env(os.environ), state_dir=tmp_path / "state")


@pytest.mark.parametrize(
    ("arguments", "busy"), [([], {"started-a"}), (["-n2"], {"started-a", "started-b"})]
)
def test_kill_9_of_pytest_ends_all_its_services(tmp_path, settings, arguments, busy):
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "conftest.py").write_text(CONFTEST)
    (suite / "test_hangs.py").write_text(HANGS)
    (suite / "pytest.ini").write_text("[pytest]\n")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=suite,
        env={**os.environ, **settings.as_env()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        controller = ProcessId.of(run.pid)

        def all_busy():
            if not controller.alive():
                pytest.fail("the suite ended by itself")
            if not busy <= set(os.listdir(suite)):
                raise NotYet("still starting")

        poll(all_busy, what="the tests to be in the middle", timeout_s=180)
        assert processes_of(settings)
        run.send_signal(signal.SIGKILL)

    def gone():
        left = [line for line in processes_of(settings) if "pytest" not in line]
        if left or folders_of(settings):
            raise NotYet(f"{left} {folders_of(settings)}")

    poll(gone, what="its services to be gone", timeout_s=GONE_WITHIN_S)
