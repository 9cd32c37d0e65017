"""What a stack's supervisor and its clients say to each other: one JSON object a line.

A request has an ``op``; the answer is a stream of objects with an ``event``, the last of which is
``done`` or ``error``::

    {"op": "up", "services": [{"kind", "name", "options"}], "timeout_s": 120, "keep": true}
    {"op": "status"}   {"op": "env"}   {"op": "stop", "services": ["…"]}   {"op": "down"}

    {"event": "starting" | "running" | "failed", "service": {…}}
    {"event": "done", …}   {"event": "error", "type", "message", "hint"}

An ``up`` connection is a lease for as long as it stays open; with ``keep`` the stack outlives it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from spark_platform.kernel import errors
from spark_testkit.service import ServiceRequest

__all__ = [
    "ServiceStatus",
    "decode",
    "decode_error",
    "decode_requests",
    "encode",
    "encode_error",
    "encode_requests",
]

Message = dict[str, Any]


@dataclass(frozen=True)
class ServiceStatus:
    """One service as `spark-testkit status` shows it.

    Attributes:
        state: running, starting, stopped or failed.
        started_in_s: seconds from the start of its process to the first answer; None before that.
        detail: for people: what was chosen, or why it failed.
    """

    name: str
    state: str
    endpoint: str = ""
    provider: str = "process"
    started_in_s: float | None = None
    detail: str = ""


def encode(message: Mapping[str, Any]) -> bytes:
    """``message`` as a line."""
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line.

    Raises:
        Terminal: the line is no message; the two sides are of different versions.
    """
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise errors.Terminal(f"the supervisor's socket carried {line[:80]!r}, which is no message")
    return message


def encode_requests(requests: list[ServiceRequest]) -> list[Message]:
    """Service requests as JSON values."""
    return [asdict(request) for request in requests]


def decode_requests(values: list[Message]) -> list[ServiceRequest]:
    """The reverse of ``encode_requests``."""
    return [ServiceRequest(**value) for value in values]


def encode_error(error: BaseException) -> Message:
    """An exception as an ``error`` event; anything unexpected travels as Terminal."""
    if isinstance(error, errors.PlatformError):
        kind = type(error).__name__
        # what carries more than text arrives as its nearest plain ancestor
        if kind not in ("InvalidInput", "NotFound", "Conflict", "Missing", "TimedOut"):
            kind = "Terminal"
        return {"event": "error", "type": kind, "message": error.message, "hint": error.hint}
    text = f"{type(error).__name__}: {error}"
    hint = "free some disk space" if isinstance(error, OSError) and error.errno == 28 else ""
    return {"event": "error", "type": "Terminal", "message": text, "hint": hint}


def decode_error(message: Message) -> errors.PlatformError:
    """The exception of an ``error`` event."""
    made: errors.PlatformError = getattr(errors, message["type"])(
        message["message"], hint=message["hint"]
    )
    return made
