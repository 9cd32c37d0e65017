"""The door of Spark Connect: every call goes to its session's driver, as whom its token says.

Messages pass as bytes, one at a time, so a slow reader slows its own driver's stream and nothing
else. What a driver answers comes back as it is, its trailers included.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import grpc
from anyio import to_thread

from spark_platform.gateway.callers import RecentCallers
from spark_platform.gateway.connect import redaction, wire
from spark_platform.gateway.connect.activity import Activity
from spark_platform.gateway.connect.channels import headers
from spark_platform.gateway.connect.decisions import Step, decide
from spark_platform.gateway.connect.methods import (
    CLONE,
    CONFIG,
    EXECUTE,
    METHODS,
    REATTACH,
    RELEASE_EXECUTE,
    RELEASE_SESSION,
    Method,
)
from spark_platform.gateway.connect.records import Key, Session
from spark_platform.gateway.connect.refusals import DETAILS, Refusal, handle
from spark_platform.gateway.connect.releases import Releases
from spark_platform.gateway.connect.sessions import Sessions
from spark_platform.gateway.connect.upstream import Call, Upstream
from spark_platform.identity import bearer
from spark_platform.kernel.errors import InvalidInput, PlatformError, Transient

__all__ = ["NAMED", "Proxy"]

NAMED = "x-spark-cluster"
"""The header that names an application of the domain's."""

# JVM clients before 4.1.4 say the second
_TOKEN_HEADERS = ("authorization", "authentication")
# what is between two neighbours only, or not for drivers
_OWN_HEADERS = frozenset({*_TOKEN_HEADERS, NAMED, "user-agent", "te", "content-type", "host"})
_LOOKS_EVERY_S = 0.1
_RELEASE_ALL, _RELEASE_UNTIL = 5, 6
_ALLOW_RECONNECT, _CLONE_TARGET, _CLONED = 4, 4, 3


class Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The methods of Connect, as ``grpc.aio`` calls them; others are unknown.

    Args:
        callers: tell who asks.
        sessions: where sessions are.
        upstream: the drivers.
        activity: told of calls.
        waits: a domain → a block in which somebody waits for a driver of its pool.
        longest_wait_s: seconds that a call waits for a driver.
    """

    def __init__(
        self,
        callers: RecentCallers,
        sessions: Sessions,
        upstream: Upstream,
        activity: Activity,
        waits: Callable[[str], contextlib.AbstractContextManager[None]],
        longest_wait_s: float,
    ) -> None:
        self._callers, self._sessions = callers, sessions
        self._upstream, self._activity = upstream, activity
        self._releases = Releases()
        self._waits, self._longest_wait_s = waits, longest_wait_s
        self._unary: dict[Method, Callable[[Call], Awaitable[bytes]]] = {
            CONFIG: self._config,
            CLONE: self._clone,
            RELEASE_SESSION: self._release_session,
            RELEASE_EXECUTE: self._release_execute,
        }

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method = METHODS.get(details.method)
        if method is None:
            return None
        if method.streams_in:
            return grpc.stream_unary_rpc_method_handler(partial(self._streamed_in, method))
        if method.streams_out:
            return grpc.unary_stream_rpc_method_handler(partial(self._streamed_out, method))
        return grpc.unary_unary_rpc_method_handler(partial(self._answered, method))

    async def _answered(self, method: Method, request: bytes, context: Any) -> bytes | None:
        async with _told(context):
            call = await self._begin(method, request, context)
            if call is None:
                return wire.encoded(method.reply_session, _session_of(request).encode())
            with self._activity.of(call.session.key):
                return await self._unary.get(method, self._upstream.ask)(call)
        return None

    async def _streamed_out(self, method: Method, request: bytes, context: Any) -> None:
        async with _told(context):
            call = await self._begin(method, request, context)
            assert call is not None, method
            with self._activity.of(call.session.key):
                await (self._execute if method is EXECUTE else self._reattach)(call)

    async def _streamed_in(
        self, method: Method, requests: AsyncIterator[bytes], context: Any
    ) -> bytes | None:
        async with _told(context):
            first = await anext(requests, None)
            if first is None:
                raise InvalidInput(f"{method.name} has no message")
            call = await self._begin(method, first, context)
            assert call is not None, method
            with self._activity.of(call.session.key):
                return await self._add_artifacts(call, requests)
        return None

    # before the driver

    async def _begin(self, method: Method, request: bytes, context: Any) -> Call | None:
        """Find, or make, the place of a call's session; None where there is nothing to do."""
        metadata = tuple(context.invocation_metadata() or ())
        given = dict(metadata)
        named = str(given.get(NAMED) or "")
        token = bearer(next((given[name] for name in _TOKEN_HEADERS if name in given), None))
        way = self._known(token, method, request, named)
        if way is None:
            way = await to_thread.run_sync(self._look, token, method, request, named)
        key, step, session = way
        if step is Step.NOTHING:
            return None
        if session is None:
            session = await self._placed(key, named, context)
        secret = self._sessions.known_token(session)
        if secret is None:
            secret = await to_thread.run_sync(self._sessions.token, session)
        passed = [
            (name, value)
            for name, value in metadata
            if name not in _OWN_HEADERS and not name.startswith("grpc-")
        ]
        own = wire.with_user(request, key.user)
        left_s = context.time_remaining()
        return Call(method, session, own, (*passed, *headers(secret)), left_s, context)

    def _known(
        self, token: str, method: Method, request: bytes, named: str
    ) -> tuple[Key, Step, Session | None] | None:
        """What ``_look`` would say, if that is known without asking anybody."""
        caller = self._callers.known(token)
        if caller is None:
            return None
        session_id = _session_of(request)
        key = Key(caller.domain, caller.user, session_id)
        session = self._sessions.known(key)
        if session is None:
            return None
        return key, decide(method, session_id, session, named), session

    def _look(
        self, token: str, method: Method, request: bytes, named: str
    ) -> tuple[Key, Step, Session | None]:
        # nothing is read before it is known who asks
        caller = self._callers.verify(token)
        session_id = _session_of(request)
        key = Key(caller.domain, caller.user, session_id)
        self._sessions.check(key, method.name)
        found = self._sessions.find(key)
        return key, decide(method, session_id, found, named), found

    async def _placed(self, key: Key, named: str, context: Any) -> Session:
        session = await to_thread.run_sync(self._sessions.place, key, named)
        if session is not None:
            return session
        left = context.time_remaining()
        longest_s = self._longest_wait_s if left is None else min(left, self._longest_wait_s)
        deadline = time.monotonic() + longest_s
        with self._waits(key.domain):
            while time.monotonic() < deadline:
                await anyio.sleep(_LOOKS_EVERY_S)
                session = await to_thread.run_sync(self._sessions.place, key, named)
                if session is not None:
                    return session
        raise Transient(
            f"no driver of domain {key.domain} has come up within {longest_s:.0f} s",
            retry_after_s=1,
        )

    # at the driver

    async def _config(self, call: Call) -> bytes:
        redaction.check(call.request)
        return redaction.redacted(call.request, await self._upstream.ask(call))

    async def _release_session(self, call: Call) -> bytes:
        reply = await self._upstream.ask(call)
        if not wire.flag(call.request, _ALLOW_RECONNECT):
            await to_thread.run_sync(self._sessions.release, call.session)
        return reply

    async def _release_execute(self, call: Call) -> bytes:
        key, operation = call.session.key, wire.text(call.request, RELEASE_EXECUTE.operation)
        everything = wire.last(call.request, _RELEASE_ALL) is not None
        if not everything and wire.last(call.request, _RELEASE_UNTIL) is not None:
            answer = self._releases.answer(key, operation)
            if answer is not None:
                return answer
        reply = await self._upstream.ask(call)
        if everything:
            self._releases.ended(key, operation)
            await to_thread.run_sync(self._sessions.ended, call.session, operation)
        else:
            self._releases.told(key, operation)
        return reply

    async def _clone(self, call: Call) -> bytes:
        wanted = wire.text(call.request, _CLONE_TARGET)
        if not wanted:
            reply = await self._upstream.ask(call)
            made = wire.text(reply, _CLONED)
            held = await to_thread.run_sync(self._sessions.clone, call.session, made)
        else:
            held = await to_thread.run_sync(self._sessions.clone, call.session, wanted)
            try:
                reply = await self._upstream.ask(call)
            except grpc.aio.AioRpcError as error:
                # of a driver that was not reached nobody knows what it did
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    await to_thread.run_sync(self._sessions.not_cloned, held)
                raise
        await to_thread.run_sync(self._sessions.cloned, held)
        return reply

    async def _execute(self, call: Call) -> None:
        operation = wire.text(call.request, EXECUTE.operation)
        # written down while the driver works, and before its client hears of it
        noted = asyncio.ensure_future(self._begun(call, operation))

        async def first(message: bytes) -> None:
            await noted
            if not operation:
                await self._begun(call, wire.text(message, EXECUTE.reply_operation))

        try:
            await self._stream(call, first)
            await noted
        finally:
            noted.cancel()

    async def _begun(self, call: Call, operation: str) -> None:
        if operation:
            await to_thread.run_sync(self._sessions.begun, call.session, operation)

    async def _reattach(self, call: Call) -> None:
        operation = wire.text(call.request, REATTACH.operation)
        if not await to_thread.run_sync(self._sessions.has, call.session, operation):
            raise handle("OPERATION_NOT_FOUND", operation)

        await self._stream(call)

    async def _stream(
        self, call: Call, first: Callable[[bytes], Awaitable[None]] | None = None
    ) -> None:
        method, stream = call.method, None

        async def before(message: bytes) -> None:
            nonlocal stream
            if stream is None:
                if first is not None:
                    await first(message)
                operation = wire.text(call.request, method.operation) or wire.text(
                    message, method.reply_operation
                )
                server = wire.text(message, method.reply_server)
                stream = self._releases.begun(call.session.key, operation, server)
            stream.passed += len(message)

        await self._upstream.stream(call, before)

    async def _add_artifacts(self, call: Call, more: AsyncIterator[bytes]) -> bytes:
        await to_thread.run_sync(self._sessions.uploads, call.session)
        return await self._upstream.send(call, more)


def _session_of(request: bytes) -> str:
    return wire.text(request, wire.SESSION)


@contextlib.asynccontextmanager
async def _told(context: Any) -> AsyncIterator[None]:
    """Errors in the block are the call's end: ours as Spark would say them, a driver's as it is."""
    try:
        yield
    except PlatformError as error:
        refusal = Refusal.of(error)
        code = getattr(grpc.StatusCode, refusal.code)
        await context.abort(code, refusal.message, ((DETAILS, refusal.details),))
    except grpc.aio.AioRpcError as error:
        trailers = tuple(error.trailing_metadata() or ())
        await context.abort(error.code(), error.details() or "", trailers)
