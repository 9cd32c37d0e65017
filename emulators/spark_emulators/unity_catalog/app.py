"""The web application: readiness, and all APIs as soon as they are loaded."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_emulators.unity_catalog.access.control import Access

# the database is opened with its tables too
from spark_emulators.unity_catalog.lineage import database as _lineage_tables  # noqa: F401
from spark_emulators.unity_catalog.settings import Settings
from spark_emulators.unity_catalog.store.database import open_database, ping
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import Transient

__all__ = ["create_app"]


def create_app(settings: Settings) -> Starlette:
    """Build the server's application. Its database is open when this returns."""
    engine = open_database(settings.database)
    securables = Securables(engine, settings.storage_root)
    access = Access.build(settings.authorization, engine, securables)
    doors = _Doors(settings, engine, securables, access)

    async def health(_request: Request) -> Response:
        try:
            await run_in_threadpool(ping, engine)
        except Transient as error:
            return JSONResponse({"status": "down", "message": str(error)}, status_code=503)
        return JSONResponse({"status": "ok"})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        threading.Thread(target=doors.load, name="warm-up", daemon=True).start()
        yield
        engine.dispose()

    app = Starlette(routes=[Route("/healthz", health)], lifespan=lifespan)
    # a Mount would leave out paths with a line break in them
    app.router.default = doors
    return app


class _Doors:
    """The APIs, whose libraries take longer to load than everything else together.

    So they are loaded beside the first requests: those for the catalog wait, readiness does not.
    """

    def __init__(
        self, settings: Settings, engine: Engine, securables: Securables, access: Access
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._securables = securables
        self._access = access
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    def load(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                from spark_emulators.unity_catalog.wire.doors import all_doors

                self._app = all_doors(self._settings, self._engine, self._securables, self._access)
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            app = await run_in_threadpool(self.load)
        await app(scope, receive, send)
