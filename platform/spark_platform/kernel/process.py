"""The one way to run a process to its end, and to know a process again by more than its pid."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from spark_platform.kernel.errors import CommandFailed, Missing, TimedOut

__all__ = ["ProcessId", "die_with_parent", "run"]

_TAIL_LINES = 20
_PR_SET_PDEATHSIG = 1


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 600,
    on_line: Callable[[str], None] | None = None,
    dies_with_caller: bool = False,
) -> str:
    """Run ``argv`` to its end and return what it printed (stdout and stderr, interleaved).

    Args:
        env: the whole environment of the child; the parent's when None. Secrets go here, never
            into ``argv``, which every user of the machine can read.
        timeout_s: seconds until the child is killed.
        on_line: called with each line as it is printed, for progress.
        dies_with_caller: end the child even when this process is killed; see ``die_with_parent``.

    Raises:
        Missing: the program is not there.
        CommandFailed: it exited with an error; carries argv and the last lines of output.
        TimedOut: it did not end in time.
    """
    lines: list[str] = []
    try:
        child = subprocess.Popen(
            list(argv),
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent() if dies_with_caller else None,
        )
    except FileNotFoundError as error:
        raise Missing(
            f"cannot run {argv[0]}: {error.strerror}",
            hint="`spark-testkit doctor` lists what is needed and how to get it",
        ) from error
    with child, _Deadline(child, timeout_s) as deadline:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line)
            if on_line:
                on_line(line.rstrip("\n"))
        returncode = child.wait()
    tail = "".join(lines[-_TAIL_LINES:])
    if deadline.passed:
        raise TimedOut(f"{argv[0]} did not end within {timeout_s:g} s\n{tail.rstrip()}")
    if returncode:
        raise CommandFailed(argv, returncode, tail)
    return "".join(lines)


def die_with_parent() -> Callable[[], None] | None:
    """A ``preexec_fn`` for a child that must not outlive the caller, whatever ends the caller.

    The kernel kills the child when the *thread* that made it ends, so that thread must live as
    long as the child may. None where the system has no such thing: there the caller has to clean
    up after a killed predecessor.
    """
    if sys.platform != "linux":
        return None
    # found before the fork: a child of a process with threads should not load a library
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the kernel knew
            os._exit(1)

    return in_child


class _Deadline:
    """Kills a child at its deadline and whenever its block is left early."""

    def __init__(self, child: subprocess.Popen[str], timeout_s: float) -> None:
        self.passed = False
        self._child = child
        self._timer = threading.Timer(timeout_s, self._expire)
        self._timer.daemon = True

    def _expire(self) -> None:
        self.passed = True
        self._child.kill()

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._timer.cancel()
        if self._child.poll() is None:
            self._child.kill()


@dataclass(frozen=True)
class ProcessId:
    """A process, not just a number: pids are reused, so the start time is part of the identity.

    Attributes:
        pid: the process id.
        started_at: the kernel's start time of that process, seconds since the epoch.
    """

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of the process that has ``pid`` now, or None when there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def current(cls) -> ProcessId:
        """The identity of this very process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.started_at) < 1.0
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False
