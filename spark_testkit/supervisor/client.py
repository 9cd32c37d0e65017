"""A client's connection to a stack's supervisor."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from spark_platform.kernel.errors import Terminal, TimedOut
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
        *,
        timeout_s: float | None = None,
    ) -> protocol.Message:
        """Send ``request`` and return its last event.

        Args:
            on_service: told of services whose state changes meanwhile.
            timeout_s: seconds between two events; None for ``up``, which bounds itself.

        Raises:
            PlatformError: what the supervisor reports.
            Terminal: the supervisor went away without an answer.
            TimedOut: it did not answer in time.
        """
        hint = "`spark-testkit down` clears away what is left; then start again"
        self._socket.settimeout(timeout_s)
        try:
            self._socket.sendall(protocol.encode(request))
            for line in self._lines:
                message = protocol.decode(line)
                if message["event"] == "done":
                    return message
                if message["event"] == "error":
                    raise protocol.decode_error(message)
                on_service(ServiceStatus(**message["service"]))
        except TimeoutError:
            raise TimedOut(
                f"the stack's supervisor did not answer within {timeout_s} s", hint=hint
            ) from None
        except ConnectionError as error:
            raise Terminal(f"the stack's supervisor hung up: {error}", hint=hint) from error
        raise Terminal("the stack's supervisor went away in the middle of an answer", hint=hint)
