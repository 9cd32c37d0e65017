"""What a stack's folder notes of its processes, and whom it kills by those notes."""

import json
import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from spark_platform.kernel.process import ProcessId
from spark_testkit.stack_folder import StackFolder


@pytest.fixture
def folder(settings):
    return StackFolder.of("noted", settings)


@pytest.fixture
def service():
    """A process that leads a group of its own, as services do: such a one can be killed."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        yield process
        process.kill()


def test_a_note_tells_all_that_identifies_a_process(folder, service):
    identity = ProcessId.of(service.pid)
    folder.record("s3", identity)
    assert folder.processes() == {"s3": identity}


def test_a_noted_process_ends_with_the_folder(folder, service):
    folder.record("s3", ProcessId.of(service.pid))
    folder.remove()
    assert service.wait() == -signal.SIGKILL


@pytest.mark.parametrize("change", [{"boot": "another boot"}, {"started_at": 1.0}])
def test_a_process_that_only_has_a_noted_pid_lives_on(folder, service, change):
    stranger = replace(ProcessId.of(service.pid), **change)
    folder.record("supervisor", stranger)
    folder.record("s3", stranger)
    assert folder.supervisor() is None
    folder.remove()
    assert ProcessId.of(service.pid).alive()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a start is a time of day")
def test_an_older_note_with_the_time_of_day_names_nobody(folder, service):
    folder.record("supervisor", ProcessId.of(service.pid))
    older = {"pid": service.pid, "started_at": psutil.Process(service.pid).create_time()}
    (folder.path / "processes" / "supervisor.json").write_text(json.dumps(older))
    assert folder.processes() == {"supervisor": ProcessId(**older)}
    assert folder.supervisor() is None
    folder.remove()
    assert ProcessId.of(service.pid).alive()
