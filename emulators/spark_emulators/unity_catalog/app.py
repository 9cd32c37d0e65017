"""The web application: readiness, and the Iceberg catalog under both of Unity Catalog's paths."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_emulators.unity_catalog.database import open_database
from spark_emulators.unity_catalog.settings import Settings
from spark_emulators.unity_catalog.store import Store
from spark_platform.kernel.errors import Transient

__all__ = ["MOUNTS", "create_app"]

MOUNTS = (
    "/api/2.1/unity-catalog/iceberg",
    "/api/2.1/unity-catalog/iceberg-rest",
)
"""Where the open-source server and Databricks serve the Iceberg REST protocol."""


def create_app(settings: Settings) -> Starlette:
    """Build the server's application. Its database is open when this returns."""
    store = Store(open_database(settings.database))
    iceberg = _Iceberg(settings, store)

    async def health(_request: Request) -> Response:
        try:
            await run_in_threadpool(store.ping)
        except Transient as error:
            return JSONResponse({"status": "down", "message": str(error)}, status_code=503)
        return JSONResponse({"status": "ok"})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        threading.Thread(target=iceberg.load, name="warm-up", daemon=True).start()
        yield
        store.close()

    routes = [Route("/healthz", health), *(Mount(path, app=iceberg) for path in MOUNTS)]
    return Starlette(routes=routes, lifespan=lifespan)


class _Iceberg:
    """The catalog's routes, whose libraries take longer to load than everything else together.

    So they are loaded beside the first requests: those for the catalog wait, readiness does not.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    def load(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                from spark_emulators.unity_catalog.domain import Domain
                from spark_emulators.unity_catalog.wire.routes import iceberg_app

                self._app = iceberg_app(Domain.build(self._settings, self._store))
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            app = await run_in_threadpool(self.load)
        await app(scope, receive, send)
