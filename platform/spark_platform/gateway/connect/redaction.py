"""The driver's token in settings: nobody who asks for them gets it, or sets it. Pure.

Drivers hide it themselves since 4.1.4; older ones do not. Messages: ``ConfigRequest`` and
``ConfigResponse`` of ``spark/connect/base.proto``.
"""

from __future__ import annotations

from spark_platform.gateway.connect import wire
from spark_platform.kernel.errors import Forbidden

__all__ = ["check", "redacted"]

SECRET = "spark.connect.authenticate.token"  # noqa: S105 - a setting's name

_OPERATION, _PAIRS = 3, 2
_SET, _GET_WITH_DEFAULT, _GET_ALL, _UNSET = 1, 3, 5, 6
_KEY, _VALUE = 1, 2
_KEYS, _PREFIX = 1, 1


def check(request: bytes) -> None:
    """Let a request pass that does not change the driver's token.

    Raises:
        Forbidden: it does.
        InvalidInput: it is no message.
    """
    operation = wire.merged(request, _OPERATION)
    pairs = wire.fields(wire.merged(operation, _SET))
    changed = [wire.text(each.value, _KEY) for each in pairs if each.value is not None]
    changed += wire.texts(wire.merged(operation, _UNSET), _KEYS)
    if SECRET in changed:
        raise Forbidden(f"{SECRET} is the gateway's to set", hint="leave it out")


def redacted(request: bytes, reply: bytes) -> bytes:
    """A reply without the driver's token; all else is as it was.

    Args:
        request: what was asked.
        reply: what the driver answers.
    """
    operation = wire.merged(request, _OPERATION)
    lists = any(each.number == _GET_ALL for each in wire.fields(operation))
    prefix = wire.text(wire.merged(operation, _GET_ALL), _PREFIX)
    view, kept = memoryview(reply), list[bytes | memoryview]()
    for each in wire.fields(view):
        is_secret = (
            each.number == _PAIRS
            and each.value is not None
            and prefix + wire.text(each.value, _KEY) == SECRET
        )
        if not is_secret:
            kept.append(view[each.start : each.end])
        elif not lists:
            kept.append(wire.encoded(_PAIRS, _told(wire.merged(operation, _GET_WITH_DEFAULT))))
    return b"".join(kept)


def _told(defaults: bytes) -> bytes:
    """The token's pair as it is told: with the default that was asked with, else no value."""
    pair = wire.encoded(_KEY, SECRET.encode())
    for each in wire.fields(defaults):
        if each.value is not None and wire.text(each.value, _KEY) == SECRET:
            default = wire.last(each.value, _VALUE)
            return pair if default is None else pair + wire.encoded(_VALUE, bytes(default))
    return pair
