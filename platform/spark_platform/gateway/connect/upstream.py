"""A session's driver, asked: messages out and back as they are, errors as they are to a client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from anyio import to_thread

from spark_platform.gateway.connect import wire
from spark_platform.gateway.connect.channels import Channels
from spark_platform.gateway.connect.methods import Method
from spark_platform.gateway.connect.records import Session
from spark_platform.gateway.connect.refusals import handle
from spark_platform.kernel.errors import InvalidInput, Transient

__all__ = ["Call", "Upstream"]


@dataclass(frozen=True)
class Call:
    """A call whose session has its place.

    Attributes:
        request: its message, as the driver is to have it; of a stream, the first.
        headers: as the driver is to have them.
        timeout_s: what is left of the client's time; None for any.
        context: of the client's call.
    """

    method: Method
    session: Session
    request: bytes
    headers: tuple[tuple[str, str | bytes], ...]
    timeout_s: float | None
    context: Any


class Upstream:
    """The drivers.

    Args:
        channels: the ways to them.
        is_lost: whether the driver of a session is gone.
    """

    def __init__(self, channels: Channels, is_lost: Callable[[Session], bool]) -> None:
        self._channels, self._is_lost = channels, is_lost

    async def ask(self, call: Call) -> bytes:
        """One message there, one back.

        Raises:
            AioRpcError: the driver's own error.
            SparkCondition: the driver is gone.
            Transient: it is not to be reached for now.
        """
        asked = self._method(call, "unary_unary")(
            call.request, metadata=call.headers, timeout=call.timeout_s
        )
        return await self._reply(call, asked)

    async def stream(self, call: Call, before: Callable[[bytes], Awaitable[None]]) -> None:
        """One message there, and all that come back to the client, as fast as it takes them.

        Args:
            before: awaited with each message before the client has it.

        Raises:
            as ``ask``.
        """
        asked = self._method(call, "unary_stream")(
            call.request, metadata=call.headers, timeout=call.timeout_s
        )
        begun = False
        with _ended(asked):
            try:
                async for message in asked:
                    await before(message)
                    if not begun:
                        begun = True
                        await _pass_headers(asked, call.context)
                    await call.context.write(message)
            except grpc.aio.AioRpcError as error:
                await self._judge(call, error)
            call.context.set_trailing_metadata(tuple(await asked.trailing_metadata()))

    async def send(self, call: Call, more: AsyncIterator[bytes]) -> bytes:
        """All messages there, as fast as the driver takes them, and one back.

        Args:
            more: the client's, after the first.

        Raises:
            InvalidInput: they change their session midway.
            as ``ask``.
        """
        key = call.session.key
        asked = self._method(call, "stream_unary")(metadata=call.headers, timeout=call.timeout_s)
        with _ended(asked):
            # a driver that has answered already wants no more; its answer says why
            with contextlib.suppress(asyncio.InvalidStateError):
                await asked.write(call.request)
                async with contextlib.aclosing(_read_ahead(more)) as rest:
                    async for each in rest:
                        if wire.text(each, wire.SESSION) != key.session:
                            raise InvalidInput(f"{call.method.name} changes its session midway")
                        await asked.write(wire.with_user(each, key.user))
                await asked.done_writing()
            return await self._reply(call, asked)

    async def _reply(self, call: Call, asked: Any) -> bytes:
        with _ended(asked):
            try:
                reply: bytes = await asked
            except grpc.aio.AioRpcError as error:
                await self._judge(call, error)
            await _pass_headers(asked, call.context)
            call.context.set_trailing_metadata(tuple(await asked.trailing_metadata()))
            return reply

    def _method(self, call: Call, kind: str) -> Any:
        return getattr(self._channels.to(call.session.place), kind)(call.method.path)

    async def _judge(self, call: Call, error: grpc.aio.AioRpcError) -> None:
        """Raise what a driver's error is to its client.

        A driver that is not reached may be gone; one that does not know the gateway's token is
        another one at the same address.
        """
        code, session = error.code(), call.session
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED):
            if await to_thread.run_sync(self._is_lost, session):
                await self._channels.drop(session.place)
                raise handle("SESSION_CHANGED", session.key.session) from error
            if code is grpc.StatusCode.UNAUTHENTICATED:
                raise Transient(f"{session.place.application} is not ready") from error
        raise error


@contextlib.contextmanager
def _ended(asked: Any) -> Any:
    """A call at a driver that does not outlive the block."""
    try:
        yield
    finally:
        asked.cancel()


async def _read_ahead(messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same messages, of which the next is read while one is being used."""
    coming = asyncio.ensure_future(anext(messages, None))
    try:
        while (each := await coming) is not None:
            coming = asyncio.ensure_future(anext(messages, None))
            yield each
    finally:
        coming.cancel()


async def _pass_headers(asked: Any, context: Any) -> None:
    headers = tuple(await asked.initial_metadata() or ())
    if headers:
        await context.send_initial_metadata(headers)
