"""The tests' own door, ``/emulator``: faults, and snapshots of the whole catalog.

No vendor has it. Where authorization is on, it is for the metastore's owner.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import anyio
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_emulators.unity_catalog.faults import Faults, Rule
from spark_emulators.unity_catalog.store.snapshots import Snapshots
from spark_emulators.unity_catalog.wire.uc.app import invalid, refused
from spark_emulators.unity_catalog.wire.uc.errors import PUBLISHED
from spark_emulators.unity_catalog.wire.uc.routing import api_router
from spark_platform.kernel.errors import NotFound

__all__ = ["DOOR", "FaultyWire", "emulator_app"]

DOOR = "/emulator"


def emulator_app(faults: Faults, snapshots: Snapshots, check: Callable[[], None]) -> FastAPI:
    """The door of one server.

    Args:
        check: raises Forbidden unless whoever acts may be here.
    """
    app = FastAPI(
        title="Unity Catalog emulator",
        docs_url=None,
        redoc_url=None,
        responses=PUBLISHED,
        dependencies=[Depends(check)],
        exception_handlers={RequestValidationError: invalid, HTTPException: refused},
    )
    api = api_router("Tests")

    @api.post("/faults")
    def add(rule: Rule) -> dict[str, Any]:
        return {"id": faults.add(rule)}

    @api.get("/faults")
    def list_faults() -> dict[str, Any]:
        items = [
            {"id": number, "hits": hits, **dataclasses.asdict(rule)}
            for number, (rule, hits) in faults.all().items()
        ]
        return {"items": items}

    @api.delete("/faults")
    def clear() -> dict[str, Any]:
        faults.clear()
        return {}

    @api.delete("/faults/{number}")
    def remove(number: int) -> dict[str, Any]:
        if not faults.remove(number):
            raise NotFound(f"fault {number} does not exist")
        return {}

    @api.post("/snapshots")
    def take() -> dict[str, Any]:
        return {"id": snapshots.take()}

    @api.post("/snapshots/{id}/restore")
    def restore(id: str) -> dict[str, Any]:
        snapshots.restore(id)
        return {}

    @api.delete("/snapshots/{id}")
    def forget(id: str) -> dict[str, Any]:
        snapshots.forget(id)
        return {}

    app.include_router(api)
    return app


class FaultyWire:
    """What goes through here may be delayed or refused, as the faults say.

    Args:
        refusal: makes the error that the API of a path would answer with, of a status and a text.
    """

    def __init__(
        self, app: ASGIApp, faults: Faults, refusal: Callable[[str, int, str], Response]
    ) -> None:
        self._app, self._faults, self._refusal = app, faults, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(DOOR):
            for rule in self._faults.take(scope["method"], scope["path"]):
                if rule.effect == "delay":
                    await anyio.sleep(rule.delay_s)
                    continue
                text = rule.message or f"injected: HTTP {rule.code}"
                await self._refusal(scope["path"], rule.code, text)(scope, receive, send)
                return
        await self._app(scope, receive, send)
