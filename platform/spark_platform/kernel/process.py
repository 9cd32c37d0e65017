"""The one way to run a process to its end, to leave one behind, and to know it again later."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from spark_platform.kernel.errors import CommandFailed, Missing, TimedOut

__all__ = ["ProcessId", "bound", "die_with_parent", "reap", "run", "start_detached"]

_TAIL_LINES = 20
_PR_SET_PDEATHSIG = 1
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# of /proc/PID/stat, counted from 1, see proc(5)
_START_FIELD = 22


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 600,
    on_line: Callable[[str], None] | None = None,
    dies_with_caller: bool = False,
    own_session: bool = False,
) -> str:
    """Run ``argv`` to its end and return what it printed (stdout and stderr, interleaved).

    Args:
        env: the whole environment of the child; the parent's when None. Secrets go here, never
            into ``argv``, which every user of the machine can read.
        timeout_s: seconds until the child is killed.
        on_line: called with each line as it is printed, for progress.
        dies_with_caller: end the child even when this process is killed; see ``die_with_parent``.
        own_session: keep a Ctrl-C at the terminal, which is the caller's to answer, from the child
            and the processes that it starts.

    Raises:
        Missing: the program is not there.
        CommandFailed: it exited with an error; carries argv and the last lines of output.
        TimedOut: it did not end in time.
    """
    lines: list[str] = []
    try:
        command, in_child = bound(argv, env) if dies_with_caller else (list(argv), None)
        child = subprocess.Popen(
            command,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=in_child,
            start_new_session=own_session,
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


def start_detached(argv: Sequence[str], *, log: Path = Path(os.devnull)) -> ProcessId:
    """Start ``argv`` as a process that outlives this one, which need not know it is a parent.

    Args:
        argv: the program, as a path, and its arguments.
        log: where what it prints is appended; readable by its owner only.

    Raises:
        OSError: the program cannot be started.
    """
    appended = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    pid = os.posix_spawn(
        argv[0],
        list(argv),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), appended, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    started = ProcessId.of(pid)
    # a child that ended keeps its pid until its parent asks for it
    assert started is not None
    return started


def reap(pid: int) -> None:
    """Take note of the end of what may be a child of this very process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


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


def bound(
    argv: Sequence[str], env: Mapping[str, str] | None = None
) -> tuple[list[str], Callable[[], None] | None]:
    """How to start a child that must not outlive the caller; see ``die_with_parent``.

    By a command before its own where there is one. Code in the child needs a real fork, which
    libraries with threads of their own meddle with: gRPC's has been seen to abort the child.

    Args:
        env: the child's environment; the caller's when None.

    Returns:
        The command, and a ``preexec_fn`` or None.

    Raises:
        FileNotFoundError: the program is not there.
    """
    keeper = shutil.which("setpriv") if sys.platform == "linux" else None
    if keeper is None:
        return list(argv), die_with_parent()
    if shutil.which(argv[0], path=(env or os.environ).get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
    return [keeper, "--pdeathsig", "KILL", "--", *argv], None


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

    On Linux the start is counted from the boot, and the boot is part of the identity too: unlike
    the time of day, neither changes when the clock is set.

    Attributes:
        pid: the process id.
        started_at: the kernel's start time of that process, in seconds: since the boot on Linux,
            elsewhere since the epoch.
        boot: which boot of the machine that was; empty where the system does not tell.
    """

    pid: int
    started_at: float
    boot: str = ""

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of the process that has ``pid`` now, or None when there is none."""
        found = _look_up(pid)
        return cls(pid, found.started_at, _boot()) if found else None

    @classmethod
    def current(cls) -> ProcessId:
        """The identity of this very process."""
        me = cls.of(os.getpid())
        assert me is not None
        return me

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        found = _look_up(self.pid)
        return (
            found is not None
            and found.runs
            and found.started_at == self.started_at
            and self.boot == _boot()
        )


class _Found(NamedTuple):
    started_at: float
    runs: bool


def _look_up(pid: int) -> _Found | None:
    """What the kernel says of the process that has ``pid`` now."""
    if sys.platform == "linux":
        return _from_proc(pid)
    try:
        process = psutil.Process(pid)
        return _Found(process.create_time(), process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return None


def _from_proc(pid: int) -> _Found | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the second field, the program's name in parentheses, may itself hold spaces and parentheses
    third_on = stat.rpartition(b")")[2].split()
    state, start_ticks = third_on[0], int(third_on[_START_FIELD - 3])
    return _Found(start_ticks / os.sysconf("SC_CLK_TCK"), state not in (b"Z", b"X"))


@functools.lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return _BOOT_ID.read_text().strip() if sys.platform == "linux" else ""
    except OSError:  # some sandboxes do not tell
        return ""
