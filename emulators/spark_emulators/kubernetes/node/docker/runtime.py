"""The docker runtime: what a kubelet asks for, done by the engine on threads of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spark_emulators.kubernetes.node.addresses import Pool
from spark_emulators.kubernetes.node.containers import ContainerSpec, Exit, Sandbox, StartFault
from spark_emulators.kubernetes.node.docker.engine import Engine
from spark_emulators.kubernetes.node.docker.streams import Connection
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
        output: Connection, log: Path,
    ) -> None:  # fmt: skip
        self.id = str(made.id)
        self.image_id = image_id
        self._runtime = runtime
        self._made = made
        self._oom = False
        self._end = asyncio.ensure_future(runtime.do(self._follow, output, LogWriter(log)))

    def _follow(self, output: Connection, log: LogWriter) -> Exit:
        with contextlib.closing(log), contextlib.closing(output):
            for channel, data in output.frames():
                log.write("stdout" if channel == 1 else "stderr", data)
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
        execution, wire = await self._runtime.do_or_undo(
            lambda made: made[1].close(), begin, self._made, request.command
        )
        feeding = None
        if request.stdin and stream:
            feeding = asyncio.ensure_future(self._feed(wire, stream))
        try:
            await self._carry(wire, request, stream)
            return await self._runtime.do(engine.exit_code, execution)
        finally:
            wire.end()
            if feeding:
                feeding.cancel()
                await asyncio.wait({feeding})
            wire.close()

    async def _feed(self, wire: Connection, stream: Stream) -> None:
        with contextlib.suppress(OSError):  # the command has ended
            while (data := await stream.read()) is not None:
                await self._runtime.do(wire.send, data)
            wire.no_more()

    async def _carry(self, wire: Connection, request: ExecRequest, stream: Stream | None) -> None:
        """Bring a command's output to who asked for it, no faster than that is taken."""
        loop = asyncio.get_running_loop()
        held: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(_HELD_CHUNKS)

        def put(item: tuple[int, bytes] | None) -> None:
            asyncio.run_coroutine_threadsafe(held.put(item), loop).result()

        def read() -> None:
            for frame in wire.frames(tty=request.tty):
                put(frame)
            put(None)

        reading = asyncio.ensure_future(self._runtime.do(read))
        item: tuple[int, bytes] | None = 0, b""
        try:
            while (item := await held.get()) is not None:
                if stream is not None:
                    await stream.write(*item)
        finally:
            # what is still read is for nobody
            wire.end()
            while item is not None:
                item = await held.get()
            await reading


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

    async def do_or_undo(
        self, undo: Callable[[_T], None], function: Callable[..., _T], *arguments: Any
    ) -> _T:
        """The same, of a call whose result has to be given back, if only because nobody waits."""
        doing = asyncio.ensure_future(self.do(function, *arguments))

        def left(done: asyncio.Future[_T]) -> None:
            if not done.cancelled() and done.exception() is None:
                undo(done.result())

        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            doing.add_done_callback(left)
            raise

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
        output = await self.do_or_undo(Connection.close, self.engine.output, made)
        try:
            await self.do(self.engine.start, made)
        except BaseException:
            output.close()
            raise
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
