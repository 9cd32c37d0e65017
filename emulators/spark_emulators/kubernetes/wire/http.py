"""Requests and responses as this server needs them: ASGI with names."""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from spark_emulators.kubernetes.errors import ApiError, bad_request
from spark_emulators.kubernetes.store.store import encode

__all__ = ["JSON", "Receive", "Request", "Response", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = "application/json"
MAX_BODY_BYTES = 3 * 1024 * 1024
_COMPRESS_FROM_BYTES = 128 * 1024


class Request:
    """One request.

    Attributes:
        method: upper case; a WebSocket's is GET.
        path: decoded.
        segments: of the path, decoded one by one so that an encoded slash stays in its segment.
        query: last value of each parameter; ``values`` has them all.
        headers: lower-case names.
        warnings: texts for the client, sent with the response.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope.get("method", "GET")
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        text = raw.split(b"?")[0].decode("ascii", "replace")
        self.path = unquote(text)
        self.segments = [unquote(each) for each in text.split("/") if each]
        self.values = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self.query = dict(self.values)
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self.warnings: list[str] = []

    @property
    def is_websocket(self) -> bool:
        return bool(self.scope["type"] == "websocket")

    def abort(self) -> None:
        """Break the connection, as a cable that is pulled does."""
        self.scope["abort"]()

    async def cut(self) -> None:
        """Break the connection, and wait until the server has noticed."""
        self.abort()
        while not (await self.receive())["type"].endswith(".disconnect"):
            pass

    def flag(self, name: str) -> bool:
        """A boolean parameter, as Kubernetes reads them."""
        value = self.query.get(name)
        return value is not None and value.lower() not in ("false", "0")

    def number(self, name: str) -> int | None:
        """A whole-number parameter.

        Raises:
            ApiError: 400.
        """
        value = self.query.get(name)
        if value is None or value == "":
            return None
        try:
            return int(value)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            ApiError: 413 past the limit; 400 for a body that is not what its encoding says.
        """
        chunks, size = [], 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise bad_request("the client went away")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise ApiError(
                    413,
                    "RequestEntityTooLarge",
                    f"Request entity is too large: limit is {MAX_BODY_BYTES}",
                )
            chunks.append(chunk)
            if not message.get("more_body"):
                break
        return b"".join(chunks)


class Response:
    """One whole answer.

    Args:
        content: bytes, or what is encoded as JSON.
    """

    def __init__(
        self,
        content: Any,
        code: int = 200,
        media_type: str = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.body = content if isinstance(content, bytes) else encode(content)
        self.code = code
        self.media_type = media_type
        self.headers = dict(headers or {})

    async def send(self, request: Request, send: Send) -> None:
        body = self.body
        headers = {"content-type": self.media_type, "cache-control": "no-cache, private"}
        headers.update(self.headers)
        if len(body) > _COMPRESS_FROM_BYTES and "gzip" in request.headers.get(
            "accept-encoding", ""
        ):
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
            headers["vary"] = "Accept-Encoding"
        headers["content-length"] = str(len(body))
        pairs = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        headings = (warning_header(text) for text in request.warnings)
        pairs += [(b"warning", heading) for heading in headings if heading]
        await send({"type": "http.response.start", "status": self.code, "headers": pairs})
        head = request.method == "HEAD"
        await send({"type": "http.response.body", "body": b"" if head else body})


def warning_header(text: str) -> bytes:
    """RFC 7234's form of a warning, as client-go and fabric8 read it.

    Empty where the text has control characters: the real server leaves such a warning out.
    """
    if any(unicodedata.category(each) == "Cc" for each in text):
        return b""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'.encode("utf-8", "replace")
