"""Replicas of a stack's Gateway, and the one port in front of them."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import threading
from pathlib import Path
from typing import Any

from emulator_servers import Server
from gateway_stacks import GatewayStack

from spark_platform.kernel.errors import TimedOut
from spark_platform.kernel.wait import NotYet, poll

TIMEOUT_S = 60


class Replica:
    """One more, over the stack's own database and cluster.

    Attributes:
        port: of Spark Connect.

    Args:
        file: of its settings.
        connect: settings of Spark Connect that are not the stack's.
    """

    def __init__(self, site: GatewayStack, file: Path, **connect: Any) -> None:
        config = json.loads((site.folder / "gateway" / "config.json").read_text())
        config |= {"port": 0, "connect": {**config["connect"], "port": 0, "tls_port": 0, **connect}}
        file.write_text(json.dumps(config))
        self._server = Server("spark_platform.gateway", file)
        try:
            self.port = poll(self._told, what="Spark Connect's port", timeout_s=TIMEOUT_S)
        except TimedOut:
            self.kill()
            raise

    def _told(self) -> int:
        told = re.search(r"serving Spark Connect at \S+:(\d+)", "".join(self._server.log))
        if told is None:
            raise NotYet("".join(self._server.log))
        return int(told[1])

    def kill(self) -> None:
        """Kill -9; once more is no error."""
        self._server.stop(signal.SIGKILL)


class Forwarder:
    """A port of localhost whose connections go to the first of several that takes them.

    Attributes:
        port: where it listens.
        passed: by port, how many connections have gone there.
    """

    def __init__(self, *ports: int) -> None:
        self.passed = dict.fromkeys(ports, 0)
        self._listener = socket.create_server(("localhost", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [self._started(self._accept)]

    def close(self) -> None:
        """End it; connections that are open end with one of their sides."""
        # a thread that waits there is woken by this, not by the close
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in self._threads:
            each.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._threads.append(self._started(self._serve, near))

    def _serve(self, near: socket.socket) -> None:
        with near:
            for port in self.passed:
                with contextlib.suppress(ConnectionError):
                    far = socket.create_connection(("localhost", port))
                    self.passed[port] += 1
                    with far:
                        back = self._started(_pump, far, near)
                        _pump(near, far)
                        back.join()
                    return

    @staticmethod
    def _started(work: Any, *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments)
        thread.start()
        return thread


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes, no faster than it is taken; both sides end together."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
