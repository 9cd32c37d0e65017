"""uvicorn's HTTP protocol, which also tells the application whose certificate a client showed."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from spark_emulators.kubernetes.auth.authentication import ClientName

__all__ = ["HttpProtocol"]


class HttpProtocol(H11Protocol):
    """Adds ``client_name`` to each request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        name = _client_name(transport.get_extra_info("ssl_object"))
        if name is None:
            return
        app = self.app

        async def named(scope: Any, receive: Any, send: Any) -> None:
            scope["client_name"] = name
            await app(scope, receive, send)

        self.app = cast("Any", named)


def _client_name(tls: Any) -> ClientName | None:
    shown = tls.getpeercert() if tls is not None else None
    if not shown:
        return None
    subject = [pair for part in shown.get("subject", ()) for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    groups = tuple(value for key, value in subject if key == "organizationName")
    return ClientName(names[0], groups) if names else None
