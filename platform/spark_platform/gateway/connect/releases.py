"""What clients have read of operations, told to drivers rarely instead of each time.

A client says after each answer of a stream that it has it, so that the driver need not keep it for
a reattachment. That frees memory and promises nothing: a driver keeps 10 MB of what it has sent
anyway (``spark.connect.execute.reattachable.observerRetryBufferSize``), and lets go of all when the
operation is released. Most calls of a small query are of this kind, so they are answered here until
the operation's stream has come a good way further.
"""

from __future__ import annotations

from dataclasses import dataclass

from spark_platform.gateway.connect import wire
from spark_platform.gateway.connect.methods import RELEASE_EXECUTE
from spark_platform.gateway.connect.records import Key

__all__ = ["TOLD_EVERY", "Releases", "Stream"]

TOLD_EVERY = 1024 * 1024
"""Bytes of a stream after which a driver is told what its client has read."""

_MOST = 10_000


@dataclass
class Stream:
    """An operation's answers on their way through this replica.

    Attributes:
        server: the session's id at its server, as its answers have it.
        passed: bytes that have come.
        told: how many of them had come when the driver was told last.
    """

    server: str
    passed: int = 0
    told: int = 0


class Releases:
    """The operations that this replica has seen answers of; for one thread."""

    def __init__(self) -> None:
        self._streams: dict[tuple[Key, str], Stream] = {}

    def begun(self, key: Key, operation: str, server: str) -> Stream:
        """A stream's first answer has come.

        Args:
            operation: its id.
            server: the session's id at its server.
        """
        if not operation:
            # a driver that names none is asked of each release
            return Stream(server)
        while len(self._streams) >= _MOST:
            # drivers are asked about the oldest again
            del self._streams[next(iter(self._streams))]
        stream = self._streams[key, operation] = Stream(server)
        return stream

    def ended(self, key: Key, operation: str) -> None:
        """An operation was released."""
        self._streams.pop((key, operation), None)

    def told(self, key: Key, operation: str) -> None:
        """The driver knows what was read of an operation."""
        stream = self._streams.get((key, operation))
        if stream is not None:
            stream.told = stream.passed

    def answer(self, key: Key, operation: str) -> bytes | None:
        """What the driver would answer to a release of what was read; None where it is to be asked.

        Args:
            operation: that the release is of.
        """
        stream = self._streams.get((key, operation))
        if stream is None or stream.passed - stream.told >= TOLD_EVERY:
            return None
        method = RELEASE_EXECUTE
        parts = {
            method.reply_session: key.session,
            method.reply_operation: operation,
            method.reply_server: stream.server,
        }
        return b"".join(wire.encoded(field, text.encode()) for field, text in parts.items() if text)
