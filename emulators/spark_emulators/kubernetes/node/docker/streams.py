"""A connection that the Docker engine has handed over: a container's input and output."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

__all__ = ["Connection"]


class Connection:
    """Blocking; one thread reads, another may write or end it.

    Args:
        handed: what the SDK hands out for a socket.
    """

    def __init__(self, handed: Any) -> None:
        self._handed = handed
        self._socket: socket.socket = getattr(handed, "_sock", handed)

    def frames(self, *, tty: bool = False) -> Iterator[tuple[int, bytes]]:
        """Output until it ends, as pairs of channel (1 stdout, 2 stderr) and bytes."""
        from docker.utils.socket import frames_iter

        with contextlib.suppress(OSError, ValueError):  # ended from this side
            for channel, data in frames_iter(self._handed, tty):
                yield (1 if tty else channel), data

    def send(self, data: bytes) -> None:
        """Input.

        Raises:
            OSError: nobody takes it any more.
        """
        self._socket.sendall(data)

    def no_more(self) -> None:
        """No more input comes."""
        self._shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Have whoever reads or writes stop."""
        self._shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give it back; nobody may use it now."""
        self._handed.close()
        # the SDK keeps it open with the response it came from
        self._socket.close()

    def _shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(how)
