import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import psutil
import pytest

from spark_platform.kernel.errors import CommandFailed, Missing, TimedOut
from spark_platform.kernel.process import ProcessId, run, start_detached
from spark_platform.kernel.wait import NotYet, poll

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_comes_back_and_line_by_line():
    lines: list[str] = []
    output = run(python("print('one'); print('two')"), on_line=lines.append)
    assert output == "one\ntwo\n"
    assert lines == ["one", "two"]


def test_a_failure_carries_the_command_and_the_last_lines():
    with pytest.raises(CommandFailed) as caught:
        run(python("[print(n) for n in range(100)]; import sys; sys.exit('boom')"))
    assert caught.value.returncode == 1
    assert caught.value.output.endswith("99\nboom\n")
    assert "\n5\n" not in caught.value.output
    assert caught.value.argv[0] == sys.executable


def test_a_missing_program_says_so():
    with pytest.raises(Missing, match="cannot run no-such-program"):
        run(["no-such-program"])


def test_a_command_that_does_not_end_is_killed():
    with pytest.raises(TimedOut, match=r"did not end within 0\.2 s"):
        run(python("import time; print('waiting', flush=True); time.sleep(600)"), timeout_s=0.2)


def test_an_interrupted_run_leaves_no_child():
    children: list[int] = []

    def interrupt(line: str) -> None:
        children.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(
            python("import os, time; print(os.getpid(), flush=True); time.sleep(600)"),
            on_line=interrupt,
        )
    assert ProcessId.of(children[0]) is None


@on_linux
@pytest.mark.parametrize("own", [False, True])
def test_a_ctrl_c_is_not_for_a_command_with_a_session_of_its_own(own):
    session = run([sys.executable, "-c", "import os; print(os.getsid(0))"], own_session=own)
    assert (int(session) != os.getsid(0)) is own


def test_a_command_ends_with_a_caller_that_is_killed():
    code = (
        "from spark_platform.kernel.process import run\n"
        f"run({python('import os, time; print(os.getpid(), flush=True); time.sleep(600)')!r},"
        " dies_with_caller=True, on_line=lambda line: print(line, flush=True))"
    )
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True) as caller:
        command = psutil.Process(int(caller.stdout.readline()))
        caller.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([command], timeout=20)[1] == []


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv (util-linux)")
def test_no_code_of_the_callers_runs_in_a_child_that_dies_with_it():
    """What libraries do in a forked child has aborted it: gRPC's, while its threads poll."""
    code = (
        "import os; from spark_platform.kernel.process import run;"
        "os.register_at_fork(before=lambda: os.abort());"
        "print(run(['echo', 'well'], dies_with_caller=True))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "well"), done.stderr


def test_a_missing_program_says_so_though_it_dies_with_its_caller():
    with pytest.raises(Missing, match="cannot run no-such-program"):
        run(["no-such-program"], dies_with_caller=True)


def test_a_process_is_known_by_more_than_its_pid():
    me = ProcessId.current()
    assert me == ProcessId.of(os.getpid())
    assert me.alive()
    assert not replace(me, started_at=me.started_at - 3600).alive()
    assert not replace(me, boot="another boot").alive()
    assert ProcessId.of(2**22 + 1) is None


def test_a_process_is_known_again_from_a_note():
    me = ProcessId.current()
    assert ProcessId(**json.loads(json.dumps(asdict(me)))) == me


@on_linux
def test_a_note_without_a_boot_is_of_nobody():
    # as it was written when the start was a time of day
    me = ProcessId.current()
    assert me.boot
    note = {"pid": me.pid, "started_at": psutil.Process().create_time()}
    assert not ProcessId(**note).alive()
    assert not ProcessId(me.pid, me.started_at).alive()


@on_linux
def test_a_process_is_the_same_after_the_clock_was_set(monkeypatch):
    me = ProcessId.current()
    # psutil adds the start to this; it changes by whatever the clock is set by
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: 0)
    assert me.alive()
    assert ProcessId.current() == me


@contextmanager
def waiting_child(code: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that has run ``code`` and waits for its input to end."""
    with subprocess.Popen(
        python(f"{code}\nprint('ready', flush=True)\ninput()"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout.readline() == "ready\n"
        yield child


@on_linux
@pytest.mark.parametrize("name", ["a b", ") (", "x) Z 1 1 (y", "(((", ")\n) R 7"])
def test_a_programs_name_cannot_pass_for_its_state(name):
    with waiting_child(f"open('/proc/self/comm', 'w').write({name!r})") as child:
        identity = ProcessId.of(child.pid)
        assert psutil.Process(child.pid).name() == name
        assert identity.alive()
        assert not replace(identity, started_at=identity.started_at + 0.01).alive()
    assert not identity.alive()


def test_a_zombie_is_not_alive():
    with waiting_child() as child:
        identity = ProcessId.of(child.pid)
        assert identity.alive()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert ProcessId.of(child.pid) == identity
        assert not identity.alive()
    assert ProcessId.of(child.pid) is None


def test_a_detached_process_outlives_the_one_that_started_it(tmp_path):
    log = tmp_path / "log"
    starts = f"""
from pathlib import Path
from spark_platform.kernel.process import start_detached
code = "import sys, time; print('out'); print('err', file=sys.stderr, flush=True); time.sleep(60)"
print(start_detached([{sys.executable!r}, "-uc", code], log=Path({str(log)!r})).pid)
"""
    started = ProcessId.of(int(run(python(starts))))

    def printed() -> None:
        if not log.exists() or log.read_text() != "out\nerr\n":
            raise NotYet("it has not printed")

    try:
        poll(printed, what="its output", timeout_s=20)
        assert started.alive()
        assert log.stat().st_mode & 0o777 == 0o600
        assert os.getsid(started.pid) == started.pid
    finally:
        os.kill(started.pid, signal.SIGKILL)


def test_what_cannot_be_started_is_an_error_here(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        start_detached([str(tmp_path / "nothing")])
