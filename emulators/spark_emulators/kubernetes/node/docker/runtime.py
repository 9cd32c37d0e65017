"""The docker runtime: what a kubelet asks for, done by the engine on threads of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spark_emulators.kubernetes.node.addresses import Pool
from spark_emulators.kubernetes.node.containers import ContainerSpec, Exit, Sandbox, StartFault
from spark_emulators.kubernetes.node.docker.engine import Engine
from spark_emulators.kubernetes.node.environment import command_line
from spark_emulators.kubernetes.node.logs import LogWriter
from spark_emulators.kubernetes.runtime import ExecRequest, Stream
from spark_emulators.kubernetes.store.store import Object
from spark_platform.kernel.docker.reaper import Reaper

if TYPE_CHECKING:
    from docker.models.containers import Container as Made

__all__ = ["DockerRuntime"]

_T = TypeVar("_T")
# each container is waited for on a thread
_THREADS = 512
_HELD_CHUNKS = 16


class DockerSandbox:
    """See ``Sandbox``; what holds it is made with the first container, of whose image it is."""

    def __init__(self, ip: str, hostname: str) -> None:
        self.ip = ip
        self.hostname = hostname
        self.holder: Made | None = None
        self.making = asyncio.Lock()
        self.containers: list[Made] = []


class DockerContainer:
    """See ``Container``.

    Args:
        made: it, not started yet.
        output: what it will print.
    """

    def __init__(
        self, runtime: DockerRuntime, made: Made, image_id: str,
        output: Iterator[tuple[bytes | None, bytes | None]], log: Path,
    ) -> None:  # fmt: skip
        self.id = str(made.id)
        self.image_id = image_id
        self._runtime = runtime
        self._made = made
        self._oom = False
        self._end = asyncio.ensure_future(runtime.do(self._follow, output, LogWriter(log)))

    def _follow(self, output: Iterator[tuple[bytes | None, bytes | None]], log: LogWriter) -> Exit:
        with contextlib.closing(log):
            for pair in output:
                for name, data in zip(("stdout", "stderr"), pair, strict=True):
                    if data:
                        log.write(name, data)
        ended = self._runtime.engine.wait(self._made)
        return Exit(ended.code, self._oom or ended.oom_killed)

    async def wait(self) -> Exit:
        return await asyncio.shield(self._end)

    async def signal(self, number: int) -> None:
        await self._runtime.do(self._runtime.engine.signal, self._made, number)

    async def run_out_of_memory(self) -> None:
        self._oom = True
        await self.signal(signal.SIGKILL)

    async def execute(self, request: ExecRequest, stream: Stream | None) -> int:
        engine = self._runtime.engine
        begin = functools.partial(engine.execute, stdin=request.stdin, tty=request.tty)
        execution, wire = await self._runtime.do(begin, self._made, request.command)
        feeding = None
        if request.stdin and stream:
            feeding = asyncio.ensure_future(_feed(stream, wire, self._runtime))
        try:
            await self._carry(wire, request, stream)
            return await self._runtime.do(engine.exit_code, execution)
        finally:
            if feeding:
                feeding.cancel()
            wire.close()

    async def _carry(self, wire: Any, request: ExecRequest, stream: Stream | None) -> None:
        """Bring a command's output to who asked for it, no faster than that is taken."""
        from docker.utils.socket import frames_iter

        loop = asyncio.get_running_loop()
        held: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(_HELD_CHUNKS)
        over = threading.Event()

        def put(item: tuple[int, bytes] | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                asyncio.run_coroutine_threadsafe(held.put(item), loop).result()

        def read() -> None:
            with contextlib.suppress(OSError, ValueError):  # closed meanwhile
                for channel, data in frames_iter(wire, request.tty):
                    if over.is_set():
                        return
                    put((1 if request.tty else channel, data))
            put(None)

        reading = asyncio.ensure_future(self._runtime.do(read))
        try:
            while (item := await held.get()) is not None:
                if stream is not None:
                    await stream.write(*item)
        finally:
            over.set()
            with contextlib.suppress(OSError):
                _raw(wire).shutdown(socket.SHUT_RDWR)
            while not reading.done():
                with contextlib.suppress(asyncio.QueueEmpty):
                    held.get_nowait()
                await asyncio.wait({reading}, timeout=0.05)


async def _feed(stream: Stream, wire: Any, runtime: DockerRuntime) -> None:
    raw = _raw(wire)
    with contextlib.suppress(OSError):  # the command has ended
        while (data := await stream.read()) is not None:
            await runtime.do(raw.sendall, data)
        raw.shutdown(socket.SHUT_WR)


def _raw(wire: Any) -> socket.socket:
    """The socket below what the SDK hands out."""
    found: socket.socket = getattr(wire, "_sock", wire)
    return found


class DockerRuntime:
    """See ``ContainerRuntime``. Everything it makes goes with this process, however that ends.

    Args:
        cluster: its name.

    Raises:
        Missing: no Docker engine answers.
    """

    name = "docker"

    def __init__(self, cluster: str) -> None:
        owner = f"{cluster}-{uuid.uuid4().hex[:8]}"
        # before anything is made
        self._reaper = Reaper.start(owner)
        self.engine = Engine(owner)
        self.version = self.engine.version
        self._pool = Pool(self.engine.subnet, reserved=1)
        # the bridge's own: this machine, as pods see it
        self.host_ip = self.server = str(self.engine.subnet[1])
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")

    async def do(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Run a call that blocks."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)

    async def sandbox(self, pod: Object, folder: Path) -> DockerSandbox:
        hostname = pod["spec"].get("hostname") or pod["metadata"]["name"]
        return DockerSandbox(self._pool.take(), hostname)

    async def start(self, sandbox: Sandbox, spec: ContainerSpec, log: Path) -> DockerContainer:
        assert isinstance(sandbox, DockerSandbox), "it is of this runtime's making"
        image = await self.do(self.engine.image, spec.image)
        environment = {**image.environment, **spec.environment}
        argv = command_line(spec.overrides, image.entrypoint, image.command, environment)
        if not argv:
            raise StartFault("no command specified")
        async with sandbox.making:
            if sandbox.holder is None:
                sandbox.holder = await self.do(
                    self.engine.hold, spec.image, sandbox.hostname, sandbox.ip
                )
        made = await self.do(self.engine.create, sandbox.holder, spec, argv)
        sandbox.containers.append(made)
        output = await self.do(self.engine.output, made)
        await self.do(self.engine.start, made)
        return DockerContainer(self, made, image.id, output, log)

    async def remove(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, DockerSandbox), "it is of this runtime's making"
        holder = [sandbox.holder] if sandbox.holder else []
        for made in (*sandbox.containers, *holder):
            await self.do(self.engine.remove, made)
        self._pool.give_back(sandbox.ip)

    async def close(self) -> None:
        await self.do(self._reaper.finish)
        self.engine.close()
        self._threads.shutdown()
