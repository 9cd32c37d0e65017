"""A client's connection to a stack's supervisor."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from spark_platform.kernel.errors import Terminal
from spark_testkit.supervisor import protocol
from spark_testkit.supervisor.protocol import ServiceStatus

__all__ = ["Connection"]

_HANG_UP_TIMEOUT_S = 30


class Connection:
    """One request and its answer; kept open after ``up``, it is a lease."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lines = sock.makefile("rb")

    @classmethod
    def open(cls, path: Path) -> Connection:
        """Connect to the socket at ``path``.

        Raises:
            OSError: nobody listens there.
        """
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(path))
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; a lease has ended, and the supervisor knows it, when this returns."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            # it closes its side once it has let go of ours
            self._socket.settimeout(_HANG_UP_TIMEOUT_S)
            self._lines.read()
        self._lines.close()
        self._socket.close()

    def ask(
        self,
        request: protocol.Message,
        on_service: Callable[[ServiceStatus], None] = lambda _: None,
    ) -> protocol.Message:
        """Send ``request`` and return its last event.

        The supervisor bounds every operation, so this waits as long as it takes.

        Raises:
            PlatformError: what the supervisor reports.
            Terminal: the supervisor went away without an answer.
        """
        self._socket.sendall(protocol.encode(request))
        for line in self._lines:
            message = protocol.decode(line)
            if message["event"] == "done":
                return message
            if message["event"] == "error":
                raise protocol.decode_error(message)
            on_service(ServiceStatus(**message["service"]))
        raise Terminal(
            "the stack's supervisor went away in the middle of an answer",
            hint="`spark-testkit down` clears away what is left; then start again",
        )
