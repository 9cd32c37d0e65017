"""The supervisor's socket: turns requests into calls on the roster, and counts leases."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from spark_platform.kernel.errors import Conflict
from spark_platform.kernel.process import ProcessId
from spark_testkit.providers import make_provider
from spark_testkit.settings import Settings
from spark_testkit.stack_folder import StackFolder
from spark_testkit.supervisor import protocol
from spark_testkit.supervisor.protocol import ServiceStatus
from spark_testkit.supervisor.roster import Roster

__all__ = ["serve"]

_FIRST_LEASE_WITHIN_S = 30
_HOLDER_CHECK_S = 0.5
_LINE_LIMIT_BYTES = 16 * 1024 * 1024


async def serve(
    folder: StackFolder,
    settings: Settings,
    holder: ProcessId | None,
    provider: str,
    on_listening: Callable[[], None],
) -> None:
    """Supervise the stack in ``folder`` until its last lease ends; leave nothing of it behind.

    Args:
        holder: a process whose life is the stack's life (a test run). Without one, open ``up``
            connections are the leases, and an ``up`` with ``keep`` makes the stack stay.
        provider: what runs the services.
        on_listening: called once clients can connect.
    """
    supervisor = _Supervisor(folder, settings, holder, provider)
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        loop.add_signal_handler(getattr(signal, name), supervisor.ended.set)
    folder.socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(
        supervisor.handle, folder.socket, limit=_LINE_LIMIT_BYTES
    )
    folder.socket.chmod(0o600)
    on_listening()
    watch = asyncio.create_task(supervisor.watch())
    await supervisor.ended.wait()
    # no new client may find a stack that is about to vanish
    server.close()
    folder.socket.unlink(missing_ok=True)
    watch.cancel()
    await supervisor.roster.close()
    folder.remove()
    supervisor.gone.set()
    await asyncio.gather(*supervisor.goodbyes, return_exceptions=True)


class _Supervisor:
    def __init__(
        self,
        folder: StackFolder,
        settings: Settings,
        holder: ProcessId | None,
        provider: str,
    ) -> None:
        self.roster = Roster(
            folder, settings, functools.partial(make_provider, provider, folder, settings)
        )
        self._provider = provider
        self.ended = asyncio.Event()
        self.gone = asyncio.Event()
        self.goodbyes: set[asyncio.Task[Any]] = set()
        self._folder = folder
        self._holder = holder
        self._kept = False
        self._leases = 0

    async def watch(self) -> None:
        """End the stack when its holder ends, or when nobody ever came."""
        if self._holder is None:
            await asyncio.sleep(_FIRST_LEASE_WITHIN_S)
            self._end_if_unwanted()
            return
        while self._holder.alive():
            await asyncio.sleep(_HOLDER_CHECK_S)
        self.ended.set()

    def _wanted(self) -> bool:
        return bool(self._holder or self._kept or self._leases)

    def _end_if_unwanted(self) -> None:
        if not self._wanted():
            self.ended.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection: one request, a stream of events."""
        try:
            line = await reader.readline()
            if line:
                await self._answer(protocol.decode(line), reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self._send(writer, protocol.encode_error(error))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(
        self, request: protocol.Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        op = request["op"]
        if op == "up":
            await self._up(request, reader, writer)
        elif op == "status":
            services = [asdict(status) for status in self.roster.status()]
            self._send(writer, {"event": "done", "services": services, "kept": self._wanted()})
        elif op == "env":
            self._send(writer, {"event": "done", "env": self.roster.exports()})
        elif op == "stop":
            await self.roster.stop(request["services"])
            self._send(writer, {"event": "done"})
        elif op == "down":
            task = asyncio.current_task()
            assert task is not None
            self.goodbyes.add(task)
            self.ended.set()
            await self.gone.wait()
            self._send(writer, {"event": "done"})
        await writer.drain()

    async def _up(
        self, request: protocol.Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._leases += 1
        hung_up = asyncio.create_task(reader.read())
        work = asyncio.create_task(self._start(request, writer))
        try:
            await asyncio.wait((work, hung_up), return_when=asyncio.FIRST_COMPLETED)
            if work.done() and await work:
                await writer.drain()
                await hung_up
        finally:
            hung_up.cancel()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            self._leases -= 1
            self._end_if_unwanted()

    async def _start(self, request: protocol.Message, writer: asyncio.StreamWriter) -> bool:
        """Bring services up and tell the client all about it; False when that failed."""

        def report(status: ServiceStatus) -> None:
            self._send(writer, {"event": status.state, "service": asdict(status)})

        try:
            self._check_provider(request["provider"])
            names = await self.roster.up(
                protocol.decode_requests(request["services"]),
                timeout_s=request["timeout_s"],
                report=report,
            )
        except Exception as error:
            self._send(writer, protocol.encode_error(error))
            return False
        self._kept = self._kept or request["keep"]
        exports = self.roster.exports_of(names)
        self._send(writer, {"event": "done", "exports": exports})
        return True

    def _check_provider(self, wanted: str) -> None:
        if wanted != self._provider:
            raise Conflict(
                f"stack {self._folder.name!r} runs with provider {self._provider}, not {wanted}",
                hint="take it down first, or use another --name",
            )

    @staticmethod
    def _send(writer: asyncio.StreamWriter, message: protocol.Message) -> None:
        if not writer.is_closing():
            writer.write(protocol.encode(message))
