"""Ports on the loopback interface."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection

import psutil

from spark_platform.kernel.errors import Missing

__all__ = ["free_ports", "require_free"]


def free_ports(count: int, *, avoid: Collection[int] = ()) -> list[int]:
    """Different ports that nobody listens on now.

    Args:
        avoid: ports promised to somebody who does not listen yet.
    """
    found: list[int] = []
    with contextlib.ExitStack() as held:
        # all are held until all are found: the system may offer a closed one again at once
        while len(found) < count:
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
            if port not in avoid:
                found.append(port)
    return found


def require_free(port: int, *, service: str) -> int:
    """Return ``port`` if a server can listen on it.

    Raises:
        Missing: somebody else listens there; says who, as far as the system tells.
    """
    with socket.socket() as listener:
        # lets a port through that only lingers in TIME_WAIT; a real listener is still refused
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise Missing(
                f"port {port}, which {service} needs, is taken{_holder(port)}",
                hint="stop that process, or use free ports: `spark-testkit up --name NAME`",
            ) from error
    return port


def _holder(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
