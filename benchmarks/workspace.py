"""The place a benchmark run works in, and its processes: both gone when the run ends.

Each process started here leads a session of its own, so a Ctrl-C reaches the benchmark alone,
which then ends the others in order.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from spark_platform.kernel.errors import Terminal, TimedOut
from spark_platform.kernel.files import private_folder
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack
from spark_testkit.stack_folder import StackFolder

__all__ = [
    "PeakMemory",
    "Workspace",
    "clean_environment",
    "finish",
    "log_tail",
    "started",
    "workspace",
]

_KILL_GRACE_S = 20.0
_SAMPLE_INTERVAL_S = 0.25
# what a shell may have set for its own Spark or test run
_FOREIGN = ("SPARK_", "PYSPARK_", "SPARKTK_", "PYTEST_", "AWS_", "MASTER")


@dataclass(frozen=True)
class Workspace:
    """A temporary folder, and settings that keep all state in it (engines stay the user's).

    Attributes:
        path: the folder.
        settings: for stacks and commands of this run.
    """

    path: Path
    settings: Settings

    def folder(self, purpose: str) -> Path:
        """A new folder of the run's."""
        return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=self.path))

    def stack_processes(self) -> list[psutil.Process]:
        """Supervisors and services of the run's stacks, which are nobody's children."""
        found = []
        for stack in StackFolder.all(self.settings):
            for identity in stack.processes().values():
                with contextlib.suppress(psutil.Error):
                    found.append(psutil.Process(identity.pid))
        return found


@contextlib.contextmanager
def workspace() -> Iterator[Workspace]:
    """A workspace; at the end of the block its stacks, processes and files are gone."""
    path = private_folder(Path(tempfile.mkdtemp(prefix="spark-testkit-bench-")))
    cache_dir = Settings.from_env(os.environ).cache_dir
    space = Workspace(path, Settings(path / "state", cache_dir))
    try:
        yield space
    finally:
        with _uninterrupted():
            for stack in StackFolder.all(space.settings):
                Stack(stack.name, settings=space.settings).down()
            clusters = Clusters(space.settings)
            for cluster in clusters.all():
                clusters.down(cluster.name)
            _kill(_processes_in(space))
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not stop the cleaning that the first began."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _processes_in(space: Workspace) -> list[psutil.Process]:
    """Processes that name this run's own random folder: as place, in their command or settings."""
    found = []
    name = str(space.path)
    for process in psutil.process_iter(["cwd", "cmdline", "environ"]):
        info = process.info
        state = (info["environ"] or {}).get("SPARK_TESTKIT_STATE_DIR", "")
        places = [info["cwd"] or "", state, *(info["cmdline"] or [])]
        if process.pid != os.getpid() and any(name in place for place in places):
            found.append(process)
    return found


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what would steer Spark or pytest, plus ``extra``."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    return {**kept, **extra}


@contextlib.contextmanager
def started(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    talks: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    """A process; at the end of the block it and all it started are ended.

    Args:
        log: where its output goes.
        talks: whether its stdin and stdout are pipes to us instead.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        _end(child)


def finish(child: subprocess.Popen[str], *, what: str, timeout_s: float, log: Path) -> None:
    """Wait for a process to exit with 0.

    Raises:
        TimedOut, Terminal: it did not; carries the last lines of its log.
    """
    try:
        code = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        raise TimedOut(f"{what} did not end within {timeout_s:g} s\n{log_tail(log)}") from None
    if code:
        raise Terminal(f"{what} ended with exit code {code}\n{log_tail(log)}")


def log_tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _end(child: subprocess.Popen[str]) -> None:
    """Kill a process that leads its own session, with all it started."""
    descendants = []
    with contextlib.suppress(psutil.Error):
        descendants = psutil.Process(child.pid).children(recursive=True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    _kill(descendants)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=_KILL_GRACE_S)


class PeakMemory:
    """The largest memory that a changing set of process trees had at once, sampled in a thread.

    Shared pages count once (PSS) where the system tells, which is Linux; elsewhere RSS, which
    counts them for every process.

    Args:
        roots: the processes whose trees count, asked for anew at each sample.

    Attributes:
        mib: the peak so far.
        kind: "PSS" or "RSS".
    """

    def __init__(self, roots: Callable[[], Sequence[psutil.Process]]) -> None:
        self.mib = 0.0
        self.kind = "PSS" if psutil.LINUX else "RSS"
        self._roots = roots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_INTERVAL_S):
            # a set: a service that the supervisor started is its child as well
            processes = {each for root in self._roots() for each in _tree(root)}
            total_bytes = sum(self._bytes(process) for process in processes)
            self.mib = max(self.mib, total_bytes / 2**20)

    def _bytes(self, process: psutil.Process) -> int:
        try:
            if self.kind == "PSS":
                return int(process.memory_full_info().pss)
            return int(process.memory_info().rss)
        except psutil.Error:
            return 0


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
