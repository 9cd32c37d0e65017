"""Port-forward: a client's connections to ports of a pod, over one WebSocket.

Kubernetes has two ways. Channels (``v4.channel.k8s.io``): a connection for each port that the query
names, on channels of its own. And SPDY (``SPDY/3.1+portforward.k8s.io``): its frames travel in
binary messages, and each pair of streams is a connection.

What a pod does not take is held up to a limit, then the client is read no further: as with a real
kubelet, a connection that hangs can hold up the others of its WebSocket.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError, bad_request
from spark_emulators.kubernetes.store.store import Object
from spark_emulators.kubernetes.wire import spdy
from spark_emulators.kubernetes.wire.http import Request, Send

__all__ = ["forward"]

_LOG = logging.getLogger(__name__)
_SPDY = "SPDY/3.1+portforward.k8s.io"
_CHANNELS, _BASE64_CHANNELS = "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
_MOST_HELD_BYTES = 1024 * 1024

Connect = Callable[[int, "_Connection"], Awaitable[str]]
Write = Callable[[bytes], Awaitable[None]]


async def forward(cluster: Cluster, pod: Object, request: Request, send: Send) -> None:
    """Serve until the client leaves, or has no connection left.

    Raises:
        ApiError: 400 before the WebSocket is accepted: no protocol or no port that is known.
    """
    offered = request.headers.get("sec-websocket-protocol", "").split(",")
    offered = [name for each in offered if (name := each.strip())]
    known = (_SPDY, _CHANNELS, _BASE64_CHANNELS)
    protocol = next((each for each in known if each in offered), None)
    if offered and protocol is None:
        raise bad_request(f"unable to upgrade: no supported protocol among {offered}")
    ports = [] if protocol == _SPDY else _ports(request)

    async def connect(port: int, connection: _Connection) -> str:
        """Returns what went wrong."""
        metadata = pod["metadata"]
        about = f"port {port} to pod {metadata['name']}, uid {metadata['uid']}"
        try:
            await cluster.runtime.connect(pod, port, connection)
        except ApiError as error:
            return f"error forwarding {about}: {error}"
        except OSError:
            return ""  # the client has left
        except Exception:
            _LOG.exception("forwarding %s", about)
            return f"error forwarding {about}: Internal error occurred"
        finally:
            connection.close()
        return ""

    await send({"type": "websocket.accept", "subprotocol": protocol})
    with contextlib.suppress(OSError):  # the client has left
        if protocol == _SPDY:
            await _Tunnel(request, send, connect).serve()
        else:
            await _serve_channels(ports, connect, request, send, protocol == _BASE64_CHANNELS)
        await send({"type": "websocket.close", "code": 1000})


def _ports(request: Request) -> list[int]:
    texts = [value for name, value in request.values if name in ("ports", "port")]
    if not texts:
        raise bad_request('query parameter "port" is required')
    return [_port(each) for text in texts for each in text.split(",")]


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 2**16):
        raise bad_request(f'unable to parse "{text}" as a port: invalid syntax')
    if int(text) < 1:
        raise bad_request(f'port "{text}" must be > 0')
    return int(text)


class _Connection:
    """See ``runtime.Stream``: the client's end of one connection.

    Args:
        write: sends bytes to the client.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._held: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._closed = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def read(self) -> bytes | None:
        while not self._held and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._held:
            return None
        data = self._held.popleft()
        self._bytes -= len(data)
        if self._bytes < _MOST_HELD_BYTES:
            self._room.set()
        return data

    async def write(self, channel: int, data: bytes) -> None:
        await self._write(data)

    async def put(self, data: bytes) -> None:
        """Give the pod what the client sent, as soon as there is room."""
        await self._room.wait()
        if self._closed or not data:
            return
        self._held.append(data)
        self._bytes += len(data)
        if self._bytes >= _MOST_HELD_BYTES:
            self._room.clear()
        self._news.set()

    def end(self) -> None:
        """The client sends no more."""
        self._ended = True
        self._news.set()

    def close(self) -> None:
        """Nobody reads any more."""
        self._closed = True
        self._room.set()


async def _serve_channels(
    ports: list[int], connect: Connect, request: Request, send: Send, in_base64: bool
) -> None:
    """A data and an error channel for each port; each begins with the port."""

    async def write(channel: int, data: bytes) -> None:
        if in_base64:
            text = str(channel) + base64.b64encode(data).decode()
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": bytes([channel]) + data})

    def writer(channel: int) -> Write:
        return lambda data: write(channel, data)

    connections = [_Connection(writer(2 * number)) for number in range(len(ports))]

    async def serve(number: int) -> None:
        fault = await connect(ports[number], connections[number])
        if fault:
            await write(2 * number + 1, fault.encode())

    async def read() -> None:
        while (message := await request.receive())["type"] != "websocket.disconnect":
            channel, data = _message(message, in_base64)
            if channel % 2 == 0 and channel // 2 < len(ports):
                await connections[channel // 2].put(data)

    for number, port in enumerate(ports):
        for channel in (2 * number, 2 * number + 1):
            await write(channel, port.to_bytes(2, "little"))
    await _until_either(read(), *(serve(number) for number in range(len(ports))))


def _message(message: Mapping[str, Any], in_base64: bool) -> tuple[int, bytes]:
    """The channel and the bytes of a message; channel -1 where there are none."""
    data: bytes = message.get("bytes") or (message.get("text") or "").encode()
    if not data:
        return -1, b""
    if not in_base64:
        return data[0], data[1:]
    with contextlib.suppress(ValueError):
        return int(data[:1]), base64.b64decode(data[1:], validate=True)
    return -1, b""


async def _until_either(
    reading: Coroutine[Any, Any, None], *work: Coroutine[Any, Any, None]
) -> None:
    """Wait for the client to leave or all work to be done, and end what is left."""
    reader = asyncio.ensure_future(reading)
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done: asyncio.Future[Any] = asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait({reader, done}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (reader, *tasks):
            task.cancel()
        await asyncio.gather(reader, *tasks, return_exceptions=True)


class _Tunnel:
    """SPDY in a WebSocket: streams come in pairs, for data and for errors, by request."""

    def __init__(self, request: Request, send: Send, connect: Connect) -> None:
        self._request = request
        self._send_message = send
        self._connect = connect
        self._codec = spdy.Codec()
        self._highest = 0
        self._pairs: dict[str, _Pair] = {}
        self._streams: dict[int, _Pair] = {}
        self._served: set[tuple[asyncio.Future[str], asyncio.Future[None]]] = set()

    async def serve(self) -> None:
        """Returns when the client has left or breaks the protocol."""
        try:
            while (message := await self._request.receive())["type"] != "websocket.disconnect":
                data: bytes = message.get("bytes") or (message.get("text") or "").encode()
                for frame in self._codec.decode(data):
                    await self._take(frame)
        except ApiError:
            await self._send(spdy.GoAway(self._highest, spdy.PROTOCOL_ERROR))
        finally:
            for task, _ in self._served:
                task.cancel()
            await asyncio.gather(*(ended for _, ended in self._served), return_exceptions=True)

    async def _send(self, frame: spdy.Frame) -> None:
        data = self._codec.encode(frame)
        await self._send_message({"type": "websocket.send", "bytes": data})

    async def _take(self, frame: spdy.Frame) -> None:
        match frame:
            case spdy.SynStream():
                await self._open(frame)
            case spdy.Data(stream, data, fin):
                pair = self._streams.get(stream)
                # nothing is to be said on the stream of errors
                if pair and stream == pair.data:
                    await pair.connection.put(data)
                    if fin:
                        pair.connection.end()
            case spdy.Reset(stream):
                pair = self._streams.get(stream)
                if pair and stream == pair.data:
                    pair.reset = True
                    if pair.task:
                        pair.task.cancel()
            case spdy.Ping(number) if number % 2:
                await self._send(frame)

    async def _open(self, frame: spdy.SynStream) -> None:
        stream, headers = frame.stream, frame.headers
        if stream <= self._highest or stream % 2 == 0:
            await self._send(spdy.Reset(stream, spdy.PROTOCOL_ERROR))
            return
        self._highest = stream
        kind = headers.get("streamtype", "")
        try:
            port = _port(headers.get("port", ""))
        except ApiError:
            port = 0
        if not port or kind not in ("data", "error"):
            await self._send(spdy.Reset(stream, spdy.CANCEL))
            return
        # clients that number no requests open the two in turn, that of errors first
        number = headers.get("requestid") or str(stream if kind == "error" else stream - 2)
        pair = self._pairs.get(number)
        if pair is None:
            pair = self._pairs[number] = _Pair(self._send)
        if (pair.data if kind == "data" else pair.error) is not None:
            await self._send(spdy.Reset(stream, spdy.CANCEL))
            return
        self._streams[stream] = pair
        if kind == "data":
            pair.data, pair.port = stream, port
            if frame.fin:
                pair.connection.end()
        else:
            pair.error = stream
        await self._send(spdy.SynReply(stream))
        if pair.data is not None and pair.error is not None:
            del self._pairs[number]
            pair.task = asyncio.ensure_future(self._connect(pair.port, pair.connection))
            both = pair.task, asyncio.ensure_future(self._finish(pair, pair.task))
            self._served.add(both)
            both[1].add_done_callback(lambda _: self._served.discard(both))

    async def _finish(self, pair: _Pair, task: asyncio.Future[str]) -> None:
        """Close the streams of a connection that has ended, or that its client has reset."""
        assert pair.data is not None
        assert pair.error is not None
        await asyncio.wait({task})
        pair.connection.close()
        del self._streams[pair.data], self._streams[pair.error]
        fault = "" if task.cancelled() else task.result()
        with contextlib.suppress(OSError):
            if not pair.reset:
                await self._send(spdy.Data(pair.data, fin=True))
            await self._send(spdy.Data(pair.error, fault.encode(), fin=True))


class _Pair:
    """One connection: its streams, once they are open, and who serves it."""

    def __init__(self, send: Callable[[spdy.Frame], Awaitable[None]]) -> None:
        self.data: int | None = None
        self.error: int | None = None
        self.port = 0
        self.reset = False
        self.task: asyncio.Future[str] | None = None
        self.connection = _Connection(self._write)
        self._send = send

    async def _write(self, data: bytes) -> None:
        assert self.data is not None
        await self._send(spdy.Data(self.data, data))
