import os
import subprocess
import sys

import pytest

from spark_platform.kernel.errors import CommandFailed, Missing, TimedOut
from spark_platform.kernel.process import ProcessId, run


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


def test_a_process_is_known_by_more_than_its_pid():
    me = ProcessId.current()
    assert me == ProcessId.of(os.getpid())
    assert me.alive()
    assert not ProcessId(me.pid, me.started_at - 3600).alive()


def test_a_zombie_is_not_alive():
    child = subprocess.Popen(python("input()"), stdin=subprocess.PIPE)
    identity = ProcessId.of(child.pid)
    assert identity is not None
    assert identity.alive()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not identity.alive()
    child.communicate()
    assert ProcessId.of(child.pid) is None
