"""The process runtime: a container is a process with namespaces and an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from spark_emulators.kubernetes.node.addresses import Addresses
from spark_emulators.kubernetes.node.containers import (
    ContainerSpec,
    Exit,
    ImageFault,
    Sandbox,
    StartFault,
)
from spark_emulators.kubernetes.node.environment import command_line
from spark_emulators.kubernetes.node.images import ImageCatalog
from spark_emulators.kubernetes.node.logs import LogWriter
from spark_emulators.kubernetes.node.memory import MemoryWatch
from spark_emulators.kubernetes.node.sandbox import (
    BEGUN,
    ENTER,
    NAMESPACES,
    START_ERROR,
    Room,
    script,
    top_level,
)
from spark_emulators.kubernetes.runtime import ExecRequest, Stream
from spark_emulators.kubernetes.store.store import Object
from spark_platform.kernel.errors import Missing
from spark_platform.kernel.files import private_folder
from spark_platform.kernel.process import die_with_parent

__all__ = ["ProcessRuntime", "first_child"]

_CHUNK = 64 * 1024
_COULD_NOT_START = 128


def first_child(pid: int) -> int | None:
    """The first child of a process; None while it has none, or when that or the process is over."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    return None


class ProcessSandbox:
    """See ``Sandbox``."""

    def __init__(self, ip: str, hostname: str, folder: Path) -> None:
        self.ip = ip
        self.hostname = hostname
        self.folder = folder


class ProcessContainer:
    """See ``Container``."""

    def __init__(
        self, process: asyncio.subprocess.Process, spec: ContainerSpec, image_id: str, folder: Path,
        environment: Mapping[str, str], log: Path, memory: MemoryWatch,
    ) -> None:  # fmt: skip
        self.id = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
        self.image_id = image_id
        self._process = process
        self._folder = folder
        self._environment = environment
        self._oom = False
        self._end = asyncio.ensure_future(self._run(spec, LogWriter(log), memory))

    async def _run(self, spec: ContainerSpec, log: LogWriter, memory: MemoryWatch) -> Exit:
        # as the kernel's memory controller would
        watched = memory.over(self._process.pid, spec.memory_bytes, self.run_out_of_memory)
        with contextlib.closing(log), watched:
            await asyncio.gather(
                _copy(self._process.stdout, lambda data: log.write("stdout", data)),
                _copy(self._process.stderr, lambda data: log.write("stderr", data)),
            )
            code = await self._process.wait()
        shutil.rmtree(self._folder / "room", ignore_errors=True)
        message = ""
        if code == _COULD_NOT_START:
            with contextlib.suppress(OSError):
                message = (self._folder / START_ERROR).read_text().strip()
        return Exit(128 - code if code < 0 else code, self._oom, message)

    async def wait(self) -> Exit:
        return await asyncio.shield(self._end)

    async def signal(self, number: int) -> None:
        # the first process of the namespace; the shell outside only waits for it
        with contextlib.suppress(ProcessLookupError):
            os.kill(first_child(self._process.pid) or self._process.pid, number)

    async def run_out_of_memory(self) -> None:
        self._oom = True
        await self.signal(signal.SIGKILL)

    async def execute(self, request: ExecRequest, stream: Stream | None) -> int:
        first = first_child(self._process.pid)
        if first is None:
            raise ProcessLookupError(self._process.pid)
        entered = ["--mount", "--uts", "--pid", "--root"]
        # joining one's own user namespace is refused
        if os.readlink(f"/proc/{first}/ns/user") != os.readlink("/proc/self/ns/user"):
            entered += ["--user", "--preserve-credentials"]
        process = await asyncio.create_subprocess_exec(
            "nsenter", "--target", str(first), *entered, "--wd", "--",
            "/bin/sh", "-c", 'exec "$@"', "exec", *request.command,
            env=dict(self._environment),
            stdin=asyncio.subprocess.PIPE if request.stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if request.tty else asyncio.subprocess.PIPE,
            preexec_fn=die_with_parent(),
        )  # fmt: skip
        try:
            return await _served(process, request, stream)
        finally:
            await _end(process)


class _Begun:
    """News of a container's command: before it runs, nobody may look for it in its room.

    Args:
        fifo: made here; written to when the command begins.
    """

    def __init__(self, fifo: Path) -> None:
        os.mkfifo(fifo, 0o600)
        self._reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    async def or_ended(self, process: asyncio.subprocess.Process) -> None:
        """Wait until it begins, or ``process`` has ended without; who gives up ends that."""
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._reader, told.set)
        waits = {asyncio.ensure_future(told.wait()), asyncio.ensure_future(process.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await _end(process)
            raise
        finally:
            for each in waits:
                each.cancel()
            loop.remove_reader(self._reader)
            os.close(self._reader)


class ProcessRuntime:
    """See ``ContainerRuntime``.

    Args:
        images: what it can run.
        addresses: where pods get theirs.

    Raises:
        Missing: this system has no namespaces for this user.
    """

    name = "process"
    version = "1.0.0"
    host_ip = "127.0.0.1"

    def __init__(self, images: ImageCatalog, addresses: Addresses) -> None:
        self._images = images
        self._addresses = addresses
        self.server = addresses.server
        self._memory = MemoryWatch()
        self._machine = top_level()
        self._unshare = shutil.which("unshare")
        if self._unshare is None:
            raise Missing(
                "pods as processes need `unshare` and `nsenter` (util-linux, Linux only)",
                hint="use the docker runtime",
            )
        self._user = () if os.geteuid() == 0 else ("--user", "--map-root-user")

    async def sandbox(self, pod: Object, folder: Path) -> ProcessSandbox:
        hostname = pod["spec"].get("hostname") or pod["metadata"]["name"]
        return ProcessSandbox(self._addresses.take(), hostname, folder)

    async def start(self, sandbox: Sandbox, spec: ContainerSpec, log: Path) -> ProcessContainer:
        assert isinstance(sandbox, ProcessSandbox), "it is of this runtime's making"
        image = self._images.find(spec.image)
        if image is None:
            known = ", ".join(self._images.names())
            raise ImageFault(
                f'failed to pull and unpack image "{spec.image}": not found; this node has {known}'
            )
        environment = {
            "HOSTNAME": sandbox.hostname,
            "HOME": "/root",
            **image.environment,
            **spec.environment,
        }
        argv = command_line(spec.overrides, image.entrypoint, image.command, environment)
        if not argv:
            raise StartFault("no command specified")
        folder = private_folder(
            sandbox.folder / "containers" / f"{spec.name}-{uuid.uuid4().hex[:8]}"
        )
        private_folder(folder / "room")
        room = Room(
            folder=folder,
            hostname=sandbox.hostname,
            layers=image.folders,
            mounts=spec.mounts,
            working_dir=str(spec.overrides.get("workingDir") or image.working_dir),
            argv=argv,
        )
        file = folder / "sandbox.sh"
        file.touch(0o600)
        file.write_text(script(room, self._machine))
        assert self._unshare is not None
        begun = _Begun(folder / BEGUN)
        process = await asyncio.create_subprocess_exec(
            self._unshare, *self._user, *NAMESPACES, "--", "/bin/sh", "-c", ENTER, str(file),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )  # fmt: skip
        await begun.or_ended(process)
        identity = hashlib.sha256("\n".join(image.names).encode()).hexdigest()
        return ProcessContainer(
            *(process, spec, f"sha256:{identity}", folder, environment, log, self._memory)
        )

    async def remove(self, sandbox: Sandbox) -> None:
        self._addresses.give_back(sandbox.ip)

    async def close(self) -> None:
        self._memory.close()
        self._addresses.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what still runs, and let go of its pipes: what it has started may hold them open."""
    # asyncio has no public way to do this; it kills, and without it a wait is for the pipes, too
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()


async def _copy(source: asyncio.StreamReader | None, sink: Any) -> None:
    async for data in _chunks(source):
        sink(data)


async def _chunks(source: asyncio.StreamReader | None) -> AsyncIterator[bytes]:
    assert source is not None
    while data := await source.read(_CHUNK):
        yield data


async def _served(
    process: asyncio.subprocess.Process, request: ExecRequest, stream: Stream | None
) -> int:
    """Carry a command's input and output; returns its exit code."""

    async def outwards(channel: int, source: asyncio.StreamReader | None) -> None:
        async for data in _chunks(source):
            if stream is not None:
                await stream.write(channel, data)

    async def inwards() -> None:
        assert process.stdin is not None
        assert stream is not None
        with contextlib.suppress(ConnectionError):
            while (data := await stream.read()) is not None:
                process.stdin.write(data)
                await process.stdin.drain()
        process.stdin.close()

    feeding = asyncio.ensure_future(inwards()) if request.stdin and stream else None
    sides = [outwards(1, process.stdout)]
    if process.stderr is not None:
        sides.append(outwards(2, process.stderr))
    try:
        await asyncio.gather(*sides)
        code = await process.wait()
    finally:
        if feeding:
            feeding.cancel()
    return 128 - code if code < 0 else code
