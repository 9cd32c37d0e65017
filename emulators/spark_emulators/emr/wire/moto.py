"""moto's server application, called in process."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from spark_emulators.emr.vendor import LOCK
from spark_emulators.emr.wire.messages import Answer, Call

__all__ = ["Moto"]


class Moto:
    """moto's WSGI application; loaded by the first call, or by ``load``."""

    def __init__(self) -> None:
        self._app: Callable[..., Iterable[bytes]] | None = None

    def load(self) -> Callable[..., Iterable[bytes]]:
        with LOCK:
            if self._app is None:
                from moto.moto_server.werkzeug_app import (
                    DomainDispatcherApplication,
                    create_backend_app,
                )

                self._app = DomainDispatcherApplication(create_backend_app)
            return self._app

    def __call__(self, call: Call, content: bytes | None = None) -> Answer:
        """moto's answer to ``call``.

        Args:
            content: sent in place of the call's own.
        """
        app = self.load()
        sent = call.content if content is None else content
        head: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[..., Any]:
            head.append((status, headers))
            return lambda _data: None

        with LOCK:
            body = b"".join(app(_environ(call, sent), start))
        status, headers = head[-1]
        kept = {
            name: value
            for name, value in headers
            if name.lower().startswith(("content-type", "x-amzn"))
        }
        return Answer(int(status.split()[0]), kept, body)


def _environ(call: Call, content: bytes) -> dict[str, Any]:
    headers = {
        f"HTTP_{key.upper().replace('-', '_')}": value for key, value in call.headers.items()
    }
    headers.pop("HTTP_CONTENT_TYPE", None)
    headers.pop("HTTP_CONTENT_LENGTH", None)
    host, _, port = call.headers.get("host", "localhost:80").partition(":")
    return {
        **headers,
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": call.path,
        "QUERY_STRING": call.query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
