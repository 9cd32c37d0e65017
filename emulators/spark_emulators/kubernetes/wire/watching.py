"""Watch streams: HTTP chunks or WebSocket frames, one line per event."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from spark_emulators.kubernetes.api.watches import BOOKMARK, Event, Watch
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import encode
from spark_emulators.kubernetes.wire.forms import event_line
from spark_emulators.kubernetes.wire.http import Request, Send, warning_header
from spark_emulators.kubernetes.wire.negotiation import Form
from spark_emulators.kubernetes.wire.statuses import failure

__all__ = ["serve_http", "serve_websocket"]

_BOOKMARK_EVERY_S = 60.0
_SHORTEST_S, _LONGEST_S = 1800, 3600

Emit = Callable[[bytes], Awaitable[None]]


async def serve_http(
    watch: Watch, request: Request, send: Send, form: Form, now: Callable[[], float],
    closing: asyncio.Event,
) -> None:  # fmt: skip
    """Stream until the client leaves, its time is up, or the server stops."""
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

    if await _serve(watch, request, emit, form, now, closing, left):
        await send({"type": "http.response.body", "body": b""})


async def serve_websocket(
    watch: Watch, request: Request, send: Send, form: Form, now: Callable[[], float],
    closing: asyncio.Event,
) -> None:  # fmt: skip
    """The same over an accepted WebSocket: one text frame per event."""

    async def emit(lines: bytes) -> None:
        for line in lines.splitlines():
            await send({"type": "websocket.send", "text": line.decode("utf-8", "replace")})

    async def left() -> None:
        while (await request.receive())["type"] != "websocket.disconnect":
            pass

    if await _serve(watch, request, emit, form, now, closing, left):
        await send({"type": "websocket.close", "code": 1000})


async def _serve(
    watch: Watch, request: Request, emit: Emit, form: Form, now: Callable[[], float],
    closing: asyncio.Event, left: Callable[[], Awaitable[None]],
) -> bool:  # fmt: skip
    """Returns whether the client is still there."""
    news = asyncio.Event()
    unsubscribe = watch.subscribe(news.set)
    ends = [asyncio.ensure_future(left()), asyncio.ensure_future(closing.wait())]
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
            events: list[Event] = watch.drain()
            if events:
                lines = []
                for each in events:
                    lines.append(event_line(each, watch.resource, form, request, now(), first))
                    first = first and each.type == BOOKMARK
                await emit(b"".join(lines))
                continue
            moment = time.monotonic()
            if moment >= until:
                break
            if bookmarks and moment >= next_bookmark:
                await emit(
                    event_line(watch.bookmark(), watch.resource, form, request, now(), False)
                )
                next_bookmark = moment + _BOOKMARK_EVERY_S
            timer = asyncio.get_running_loop().call_later(
                max(0.0, min(until, next_bookmark) - moment), news.set
            )
            await news.wait()
            timer.cancel()
        if bookmarks and not ends[0].done():
            await emit(event_line(watch.bookmark(), watch.resource, form, request, now(), False))
    except ApiError as error:
        await emit(b'{"type":"ERROR","object":%s}\n' % encode(failure(error)))
    finally:
        unsubscribe()
        gone = ends[0].done()
        for end in ends:
            end.cancel()
    return not gone
