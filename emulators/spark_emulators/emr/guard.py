"""The process between the server and a job: it sees to it that nothing of the job is left.

``python -m spark_emulators.emr.guard FOLDER COMMAND…`` runs COMMAND in a session of its own.
SIGTERM is passed on to all of it. When the guard's standard input ends, all of it is killed: the
server ends it with a word, and one that is killed without. What the job started and left behind
ends with it: Spark's Python workers, for one, have process groups of their own, so on Linux the
guard adopts orphans. FOLDER, the job's, is the server's to delete, and the guard's where the server
is gone.

Its exit code is the command's; 128 + N where signal N ended that.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

import psutil

from spark_platform.kernel.errors import TimedOut
from spark_platform.kernel.process import die_with_parent
from spark_platform.kernel.wait import NotYet, poll

__all__ = ["main"]

_PR_SET_CHILD_SUBREAPER = 36
_COULD_NOT_START = 127
_LAST_S = 10


def main(argv: Sequence[str]) -> int:
    """Run a command to its end.

    Args:
        argv: the job's folder, then the command.
    """
    folder, *command = argv
    server = _Server(os.getppid())
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    job = _Job()
    # a handler, unlike SIG_IGN, is not handed down
    signal.signal(signal.SIGTERM, lambda *_: job.ask_to_end())
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # for the guard may be killed too
            preexec_fn=die_with_parent(),
        )
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return _COULD_NOT_START
    job.started(child.pid)
    threading.Thread(target=_end_with_input, args=(child.pid, server), daemon=True).start()
    code = child.wait()
    _kill_rest(child.pid)
    if server.is_gone():
        shutil.rmtree(folder, ignore_errors=True)
    return 128 - code if code < 0 else code


class _Job:
    """The process group of the job, which may be asked to end before it is there."""

    def __init__(self) -> None:
        self._group: int | None = None
        self._asked = False

    def started(self, group: int) -> None:
        self._group = group
        if self._asked:
            self.ask_to_end()

    def ask_to_end(self) -> None:
        self._asked = True
        if self._group is not None:
            _signal(self._group, signal.SIGTERM)


class _Server:
    """Whoever started the guard."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.hung_up = False

    def is_gone(self) -> bool:
        # one that dies closes its files some time before it stops being the parent
        return self.hung_up or os.getppid() != self._pid


def _end_with_input(group: int, server: _Server) -> None:
    told = False
    while os.read(0, 1):
        told = True
    server.hung_up = not told
    # the rest is the main thread's, which waits for this
    _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _kill_rest(group: int) -> None:
    """Kill what the command has left behind."""
    _signal(group, signal.SIGKILL)

    def none_is_left() -> None:
        for each in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        # the list above misses who is adopted meanwhile; the system does not
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            raise NotYet("some have not ended")

    with contextlib.suppress(TimedOut):
        poll(none_is_left, what="the job's last processes", timeout_s=_LAST_S, interval_s=0.01)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
