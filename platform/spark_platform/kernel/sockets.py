"""The one way to listen."""

from __future__ import annotations

import socket

from spark_platform.kernel.errors import Missing

__all__ = ["listen"]


def listen(host: str, port: int, *, backlog: int) -> socket.socket:
    """A TCP socket that listens.

    Args:
        port: 0 takes a free one.
        backlog: how many connections wait to be accepted.

    Raises:
        Missing: the port is taken, or is not this user's to have.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where it is told that this is TCP; with it on, each
    # answer of two writes waits 40 ms for the client
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise Missing(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint="choose another port, or stop what uses this one",
        ) from error
    return listener
