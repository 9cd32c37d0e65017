"""The process provider: a service is a child process in a session of its own.

Used by the supervisor only, on its event loop's main thread: on Linux the kernel kills a child when
the *thread* that made it ends, which is how services follow a killed supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from spark_platform.kernel.errors import Missing, TimedOut
from spark_platform.kernel.files import private_folder, write_atomically
from spark_platform.kernel.process import ProcessId, bound
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.providers.provider import LOG_NAME, Location
from spark_testkit.service import TEMPORARY, Place, Service, ServiceRequest, ServiceSpec

__all__ = ["ProcessInstance", "ProcessProvider"]

# what a child may inherit: enough to find programs, locale and certificates, nothing of the user's.
# Not PYTHONDONTWRITEBYTECODE: compiling a service's imports at each start takes ten seconds
_INHERITED = (
    *("PATH", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "JAVA_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV"),
)
# so long what a service has started in sessions of its own may take to end when that is gone
_FOLLOWS_WITHIN_S = 10


class ProcessInstance:
    """A service that is a child process; see ``Instance``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.identity = ProcessId.of(process.pid)

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def alive(self) -> bool:
        return self.identity is not None and self.identity.alive()

    async def exited(self) -> int:
        returncode = await self._process.wait()
        # what the service had started ends with it
        self._kill_group()
        return returncode

    async def stop(self) -> None:
        # once it has ended its pid may be somebody else's
        if self._process.returncode is None:
            started = _descendants(self._process.pid)
            self._kill_group()
            await self._process.wait()
            await asyncio.to_thread(_await_end, started)

    def _kill_group(self) -> None:
        # macOS refuses to signal a group of zombies
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _descendants(pid: int) -> list[ProcessId]:
    with contextlib.suppress(psutil.NoSuchProcess):
        pids = [each.pid for each in psutil.Process(pid).children(recursive=True)]
        return list(filter(None, map(ProcessId.of, pids)))
    return []


def _await_end(processes: Sequence[ProcessId]) -> None:
    """Let processes end by themselves: they may have to end others. Who does not is killed."""

    def none_is_left() -> None:
        if any(each.alive() for each in processes):
            raise NotYet("some run")

    try:
        poll(none_is_left, what="all to end", timeout_s=_FOLLOWS_WITHIN_S, interval_s=0.01)
    except TimedOut:
        for each in processes:
            if each.alive():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(each.pid, signal.SIGKILL)


class ProcessProvider:
    """Runs services as children of this process; see ``Provider``."""

    name = "process"

    def locate(self, request: ServiceRequest, kind: Service, stack: Path) -> Location:  # noqa: ARG002
        return Location(Place(), stack / "services" / request.name, stack)

    async def start(self, spec: ServiceSpec, folder: Path) -> ProcessInstance:
        return await _start(spec, folder)

    async def forget(self, name: str) -> None:
        """All is in its folder."""

    async def close(self) -> None:
        """Nothing outlives the services."""


async def _start(spec: ServiceSpec, folder: Path) -> ProcessInstance:
    private_folder(folder / TEMPORARY)
    private_folder(folder)
    for path, content in spec.files.items():
        write_atomically(path, content)
    environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    environment["TMPDIR"] = str(folder / TEMPORARY)
    environment.update(spec.environment)
    with open(folder / LOG_NAME, "ab") as log:
        try:
            argv, in_child = bound(spec.argv, environment)
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=folder,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=in_child,
            )
        except FileNotFoundError as error:
            raise Missing(
                f"{spec.name}: cannot run {spec.argv[0]}: {error.strerror}",
                hint="`spark-testkit doctor` lists what is needed and how to get it",
            ) from error
    return ProcessInstance(process)
