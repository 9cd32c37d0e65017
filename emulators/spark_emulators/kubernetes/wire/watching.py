"""Watch streams: HTTP chunks or WebSocket frames, one line per event."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from spark_emulators.kubernetes.api.watches import BOOKMARK, Event, Watch
from spark_emulators.kubernetes.errors import ApiError, expired
from spark_emulators.kubernetes.faults import EXPIRE, Asked, Faults
from spark_emulators.kubernetes.store.store import encode
from spark_emulators.kubernetes.wire.forms import event_line
from spark_emulators.kubernetes.wire.http import Request, Send, warning_header
from spark_emulators.kubernetes.wire.negotiation import Form
from spark_emulators.kubernetes.wire.statuses import failure

__all__ = ["Streaming", "serve_http", "serve_websocket"]

_BOOKMARK_EVERY_S = 60.0
_SHORTEST_S, _LONGEST_S = 1800, 3600

Emit = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Streaming:
    """One watch and all that decides how long and how it is sent.

    Attributes:
        watch: where events come from.
        request: the client's.
        form: how it wants objects.
        now: seconds since the epoch.
        closing: set when the server stops.
        faults: what is to go wrong, and ``asked`` how they know this watch.
    """

    watch: Watch
    request: Request
    form: Form
    now: Callable[[], float]
    closing: asyncio.Event
    faults: Faults
    asked: Asked

    def line(self, event: Event, first: bool = False) -> bytes:
        return event_line(event, self.watch.resource, self.form, self.request, self.now(), first)


async def serve_http(streaming: Streaming, send: Send) -> None:
    """Stream until the client leaves, its time is up, or the server stops."""
    request, form = streaming.request, streaming.form
    media = "application/json" + (
        f";as={form.shape};v={form.version};g={form.group}" if form.shape else ""
    )
    headers = [(b"content-type", media.encode()), (b"cache-control", b"no-cache, private")]
    headers += [(b"warning", warning_header(text)) for text in request.warnings]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    # the headers must go out before the first event, which may never come
    await send({"type": "http.response.body", "body": b"", "more_body": True})

    async def emit(lines: bytes) -> None:
        await send({"type": "http.response.body", "body": lines, "more_body": True})

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    if await _serve(streaming, emit, left):
        await send({"type": "http.response.body", "body": b""})


async def serve_websocket(streaming: Streaming, send: Send) -> None:
    """The same over an accepted WebSocket: one text frame per event."""

    async def emit(lines: bytes) -> None:
        for line in lines.splitlines():
            await send({"type": "websocket.send", "text": line.decode("utf-8", "replace")})

    async def left() -> None:
        while (await streaming.request.receive())["type"] != "websocket.disconnect":
            pass

    if await _serve(streaming, emit, left):
        await send({"type": "websocket.close", "code": 1000})


async def _serve(streaming: Streaming, emit: Emit, left: Callable[[], Awaitable[None]]) -> bool:
    """Returns whether the client is still there."""
    watch, request, faults = streaming.watch, streaming.request, streaming.faults
    news = asyncio.Event()
    unsubscribe = [watch.subscribe(news.set), faults.subscribe(news.set)]
    ends = [asyncio.ensure_future(left()), asyncio.ensure_future(streaming.closing.wait())]
    for end in ends:
        end.add_done_callback(lambda _: news.set())
    bookmarks = request.flag("allowWatchBookmarks")
    asked_s = request.number("timeoutSeconds")
    until = time.monotonic() + (asked_s or random.uniform(_SHORTEST_S, _LONGEST_S))  # noqa: S311
    next_bookmark = time.monotonic() + _BOOKMARK_EVERY_S
    first = True
    try:
        while not any(end.done() for end in ends):
            news.clear()
            if faults.take(streaming.asked, EXPIRE):
                raise expired("too old resource version: 1 (2)")
            silent = faults.stalled(streaming.asked)
            events: list[Event] = [] if silent else watch.drain()
            if events:
                lines = []
                for each in events:
                    lines.append(streaming.line(each, first))
                    first = first and each.type == BOOKMARK
                await emit(b"".join(lines))
                continue
            moment = time.monotonic()
            if moment >= until:
                break
            if bookmarks and moment >= next_bookmark and not silent:
                await emit(streaming.line(watch.bookmark()))
            if moment >= next_bookmark:
                next_bookmark = moment + _BOOKMARK_EVERY_S
            timer = asyncio.get_running_loop().call_later(
                max(0.0, min(until, next_bookmark) - moment), news.set
            )
            await news.wait()
            timer.cancel()
        if bookmarks and not ends[0].done() and not faults.stalled(streaming.asked):
            await emit(streaming.line(watch.bookmark()))
    except ApiError as error:
        await emit(b'{"type":"ERROR","object":%s}\n' % encode(failure(error)))
    finally:
        for end_it in unsubscribe:
            end_it()
        gone = ends[0].done()
        for end in ends:
            end.cancel()
    return not gone
