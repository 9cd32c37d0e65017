"""SPDY/3.1 frames: bytes in, frames out, and the other way round. Nothing here reads or writes.

Windows are of no account: the clients there are send no updates of them and wait for none.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from spark_emulators.kubernetes.errors import bad_request

__all__ = [
    "CANCEL",
    "PROTOCOL_ERROR",
    "Codec",
    "Data",
    "Frame",
    "GoAway",
    "Other",
    "Ping",
    "Reset",
    "SynReply",
    "SynStream",
    "WindowUpdate",
]

PROTOCOL_ERROR, CANCEL = 1, 5
_VERSION = 3
_FIN = 1
_SYN_STREAM, _SYN_REPLY, _RESET, _PING, _GO_AWAY, _WINDOW_UPDATE = 1, 2, 3, 6, 7, 9
_CONTROL, _ID = 0x8000, 0x7FFFFFFF
_MOST_HEADER_BYTES = 64 * 1024
_HEADER_LEVEL = 9

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language"
    " accept-ranges age allow authorization cache-control connection content-base content-encoding"
    " content-language content-length content-location content-md5 content-range content-type date"
    " etag expect expires from host if-match if-modified-since if-none-match if-range"
    " if-unmodified-since last-modified location max-forwards pragma proxy-authenticate"
    " proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade"
    " user-agent vary via warning www-authenticate method get status"
)
_NAMES = [
    *_WORDS.split(),
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
]
_REST = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00"
    " Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,public"
    "privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
# what both sides' compressors begin with; the draft gives it byte by byte
_DICTIONARY = b"".join(struct.pack("!I", len(each)) + each.encode() for each in _NAMES)
_DICTIONARY += _REST.encode()


@dataclass(frozen=True)
class SynStream:
    """Opens a stream; ``fin`` says that its sender sends nothing on it."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True)
class SynReply:
    """Accepts one."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True)
class Data:
    """Bytes of a stream; ``fin`` says that they are its sender's last."""

    stream: int
    data: bytes = b""
    fin: bool = False


@dataclass(frozen=True)
class Reset:
    """Ends a stream both ways."""

    stream: int
    status: int = CANCEL


@dataclass(frozen=True)
class Ping:
    """To be sent back as it is, by who did not begin it."""

    number: int


@dataclass(frozen=True)
class GoAway:
    """There will be no more streams."""

    last: int = 0
    status: int = 0


@dataclass(frozen=True)
class WindowUpdate:
    """The other side may send more."""

    stream: int
    delta: int


@dataclass(frozen=True)
class Other:
    """Settings, more headers: what nothing here depends on."""

    kind: int


Frame = SynStream | SynReply | Data | Reset | Ping | GoAway | WindowUpdate | Other


class Codec:
    """One side of one connection; frames of headers depend on those before them."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=_DICTIONARY)
        self._deflate = zlib.compressobj(_HEADER_LEVEL, zdict=_DICTIONARY)

    def decode(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes.

        Raises:
            ApiError: 400, the other side does not speak SPDY; the connection is of no more use.
        """
        self._buffer += data
        found: list[Frame] = []
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from("!II", self._buffer)
            flags, size = second >> 24, second & 0xFFFFFF
            if len(self._buffer) < 8 + size:
                break
            body = bytes(self._buffer[8 : 8 + size])
            del self._buffer[: 8 + size]
            if first >> 16 & _CONTROL:
                found.append(self._control(first, flags, body))
            elif not first:
                raise bad_request("SPDY: data of stream 0")
            else:
                found.append(Data(first, body, bool(flags & _FIN)))
        return found

    def encode(self, frame: Frame) -> bytes:
        """The frame as bytes; of frames with headers, to be sent in the order of these calls."""
        match frame:
            case Data(stream, data, fin):
                return struct.pack("!II", stream, _FIN * fin << 24 | len(data)) + data
            case SynStream(stream, headers, fin):
                head = struct.pack("!IIH", stream, 0, 0)
                return _control(_SYN_STREAM, head + self._pack(headers), fin)
            case SynReply(stream, headers, fin):
                return _control(_SYN_REPLY, struct.pack("!I", stream) + self._pack(headers), fin)
            case Reset(stream, status):
                return _control(_RESET, struct.pack("!II", stream, status))
            case Ping(number):
                return _control(_PING, struct.pack("!I", number))
            case GoAway(last, status):
                return _control(_GO_AWAY, struct.pack("!II", last, status))
            case WindowUpdate(stream, delta):
                return _control(_WINDOW_UPDATE, struct.pack("!II", stream, delta))
            case Other(kind):
                return _control(kind, struct.pack("!I", 0))

    def _control(self, first: int, flags: int, body: bytes) -> Frame:
        version, kind, fin = first >> 16 & 0x7FFF, first & 0xFFFF, bool(flags & _FIN)
        if version != _VERSION:
            raise bad_request(f"SPDY: version {version}")
        try:
            if kind == _SYN_STREAM:
                stream, _, _ = struct.unpack_from("!IIH", body)
                return SynStream(_numbered(stream), self._unpack(body[10:]), fin)
            if kind == _SYN_REPLY:
                (stream,) = struct.unpack_from("!I", body)
                return SynReply(_numbered(stream), self._unpack(body[4:]), fin)
            if kind == _RESET:
                stream, status = struct.unpack("!II", body)
                return Reset(_numbered(stream), status)
            if kind == _PING:
                return Ping(*struct.unpack("!I", body))
            if kind == _GO_AWAY:
                last, status = struct.unpack("!II", body)
                return GoAway(last & _ID, status)
            if kind == _WINDOW_UPDATE:
                stream, delta = struct.unpack("!II", body)
                return WindowUpdate(stream & _ID, delta & _ID)
        except (struct.error, zlib.error) as error:
            raise bad_request(f"SPDY: a broken frame of type {kind}: {error}") from error
        return Other(kind)

    def _pack(self, headers: Mapping[str, str]) -> bytes:
        parts = [struct.pack("!I", len(headers))]
        for text in (text for pair in headers.items() for text in pair):
            data = text.encode()
            parts += [struct.pack("!I", len(data)), data]
        packed = self._deflate.compress(b"".join(parts))
        return packed + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def _unpack(self, packed: bytes) -> dict[str, str]:
        block = self._inflate.decompress(packed, _MOST_HEADER_BYTES)
        if self._inflate.unconsumed_tail:
            raise bad_request("SPDY: too many headers")
        (count,) = struct.unpack_from("!I", block)
        headers, at = {}, 4
        for _ in range(count):
            name, at = _text(block, at)
            headers[name.lower()], at = _text(block, at)
        return headers


def _control(kind: int, body: bytes, fin: bool = False) -> bytes:
    first = (_CONTROL | _VERSION) << 16 | kind
    return struct.pack("!II", first, _FIN * fin << 24 | len(body)) + body


def _numbered(stream: int) -> int:
    if not stream & _ID:
        raise bad_request("SPDY: a frame of stream 0")
    return stream & _ID


def _text(block: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("!I", block, at)
    end = at + 4 + size
    if end > len(block):
        raise bad_request("SPDY: headers that end too early")
    return block[at + 4 : end].decode("utf-8", "replace"), end
