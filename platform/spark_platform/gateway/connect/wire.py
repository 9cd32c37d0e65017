"""Messages of Connect as bytes: what the gateway reads of them, and whose they say they are. Pure.

Nothing is decoded that need not be, so fields that are newer than this code pass as they are.
Whatever two parsers could read in two ways is refused. Encoding:
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Field", "encoded", "fields", "flag", "last", "merged", "text", "texts", "with_user"]

SESSION, USER_CONTEXT = 1, 2
"""Fields of every request."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_USER_ID, _USER_NAME = 1, 2
_LARGEST = 2**31 - 1


class Field(NamedTuple):
    """One occurrence of a field.

    Attributes:
        number: of the field.
        start, end: of all of it, in its message.
        value: of a text or message; None of a number.
    """

    number: int
    start: int
    end: int
    value: memoryview | None


def fields(message: bytes | memoryview) -> Iterator[Field]:
    """The fields of a message, in their order; those inside of them are not looked at.

    Raises:
        InvalidInput: it is no message, or one that parsers would read differently.
    """
    view, at = memoryview(message), 0
    while at < len(view):
        start = at
        tag, at = _varint(view, at)
        number, kind = tag >> 3, tag & 7
        if number == 0 or tag >> 32:
            raise InvalidInput("the request is no message of Spark Connect: wrong field number")
        if kind == _VARINT:
            at = _past_number(view, at)
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        elif kind == _BYTES:
            length, at = _varint(view, at)
            if length > min(_LARGEST, len(view) - at):
                raise InvalidInput("the request is no message of Spark Connect: it is cut short")
            yield Field(number, start, at + length, view[at : at + length])
            at += length
            continue
        else:
            raise InvalidInput("the request is no message of Spark Connect: groups have no place")
        if at > len(view):
            raise InvalidInput("the request is no message of Spark Connect: it is cut short")
        yield Field(number, start, at, None)


def last(message: bytes | memoryview, number: int) -> memoryview | None:
    """The value of a text or message: of several occurrences of a text the last one counts.

    Raises:
        InvalidInput: it is no message.
    """
    found = None
    for each in fields(message):
        if each.number == number and each.value is not None:
            found = each.value
    return found


def merged(message: bytes | memoryview, number: int) -> bytes:
    """A message inside of one: parsers merge its occurrences, which their concatenation is.

    Raises:
        InvalidInput: it is no message.
    """
    return b"".join(
        each.value for each in fields(message) if each.number == number and each.value is not None
    )


def text(message: bytes | memoryview, number: int) -> str:
    """A text; empty where there is none.

    Raises:
        InvalidInput: it is no message, or the text is not UTF-8.
    """
    found = last(message, number)
    return "" if found is None else _decoded(found)


def texts(message: bytes | memoryview, number: int) -> list[str]:
    """A repeated text.

    Raises:
        InvalidInput: it is no message, or a text is not UTF-8.
    """
    return [
        _decoded(each.value)
        for each in fields(message)
        if each.number == number and each.value is not None
    ]


def flag(message: bytes | memoryview, number: int) -> bool:
    """A truth value; false where there is none.

    Raises:
        InvalidInput: it is no message.
    """
    view, found = memoryview(message), False
    for each in fields(view):
        if each.number == number and each.value is None:
            _, value = _varint(view, each.start)
            found = any(byte & 0x7F for byte in view[value : each.end])
    return found


def with_user(request: bytes, user: str) -> bytes:
    """A request that says it is a user's, whatever it said; all else is as it was.

    Args:
        request: of any method of Connect.
        user: who asks; driver and session keep their states by it.

    Raises:
        InvalidInput: it is no message.
    """
    view, kept, own = memoryview(request), list[memoryview](), list[memoryview]()
    copied = 0
    for each in fields(view):
        if each.number != USER_CONTEXT:
            continue
        # a parser merges all occurrences, so none may stay
        kept.append(view[copied : each.start])
        copied = each.end
        if each.value is not None:
            own += _besides_user(each.value)
    kept.append(view[copied:])
    name = user.encode()
    context = b"".join([encoded(_USER_ID, name), encoded(_USER_NAME, name), *own])
    return b"".join([encoded(USER_CONTEXT, context), *kept])


def encoded(number: int, value: bytes) -> bytes:
    """A text or message as a field."""
    return _number(number << 3 | _BYTES) + _number(len(value)) + value


def _besides_user(context: memoryview) -> Iterator[memoryview]:
    for each in fields(context):
        if each.number not in (_USER_ID, _USER_NAME):
            yield context[each.start : each.end]


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """A tag or a length, and where it ends: of 5 bytes at most, as 32 bits need."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(view):
            raise InvalidInput("the request is no message of Spark Connect: it is cut short")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise InvalidInput("the request is no message of Spark Connect: a number is too long")


def _past_number(view: memoryview, at: int) -> int:
    for end in range(at, min(at + 10, len(view))):
        if view[end] < 0x80:
            return end + 1
    raise InvalidInput("the request is no message of Spark Connect: a number has no end")


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _decoded(value: memoryview) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("the request is no message of Spark Connect: a text is none") from None
