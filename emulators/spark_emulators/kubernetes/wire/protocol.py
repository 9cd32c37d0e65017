"""uvicorn's protocols, which also tell the application about the connection it answers on."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from spark_emulators.kubernetes.auth.authentication import ClientName

__all__ = ["HttpProtocol", "WebSocketProtocol"]


class HttpProtocol(H11Protocol):
    """Adds ``client_name`` and ``abort`` to each request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = _told(self.app, transport)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """The same for a WebSocket's. Subprotocols are the application's to read and to choose."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Kubernetes' names have a slash, for which the library would refuse the handshake
        self.conn.process_subprotocol = _none  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = _told(self.app, transport)


def _none(headers: Any) -> None:
    return None


def _told(app: Any, transport: asyncio.Transport) -> Any:
    """``app`` with the name that the client's certificate says, and what breaks the connection."""
    facts = {
        "client_name": _client_name(transport.get_extra_info("ssl_object")),
        "abort": transport.abort,
    }

    async def told(scope: Any, receive: Any, send: Any) -> None:
        scope.update(facts)
        await app(scope, receive, send)

    return cast("Any", told)


def _client_name(tls: Any) -> ClientName | None:
    shown = tls.getpeercert() if tls is not None else None
    if not shown:
        return None
    subject = [pair for part in shown.get("subject", ()) for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    groups = tuple(value for key, value in subject if key == "organizationName")
    return ClientName(names[0], groups) if names else None
