"""Which request goes where."""

from __future__ import annotations

import time

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.lineage.catalog import StoredCatalog
from spark_emulators.unity_catalog.lineage.external import External
from spark_emulators.unity_catalog.lineage.permitted import ByGrants
from spark_emulators.unity_catalog.lineage.service import Lineage
from spark_emulators.unity_catalog.store.securables import Securables
from spark_emulators.unity_catalog.wire.lineage import openlineage, tracking
from spark_emulators.unity_catalog.wire.lineage.endpoint import Doors, Handler, endpoint
from spark_emulators.unity_catalog.wire.uc import errors as uc_errors

__all__ = ["doors_of", "lineage_routes"]

_EVENTS = "/api/v1/lineage"
_API = "/api/2.0"
_TRACKING = f"{_API}/lineage-tracking"
_EXTERNAL_LINEAGE = f"{_TRACKING}/external-lineage"
_EXTERNAL_METADATA = f"{_TRACKING}/external-metadata"
_METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]

_SERVED: tuple[tuple[str, str, Handler], ...] = (
    ("POST", _EVENTS, openlineage.take),
    ("POST", f"{_EVENTS}/batch", openlineage.take_batch),
    ("GET", f"{_TRACKING}/table-lineage", tracking.table_lineage),
    ("GET", f"{_TRACKING}/column-lineage", tracking.column_lineage),
    ("GET", _EXTERNAL_LINEAGE, tracking.list_relationships),
    ("POST", _EXTERNAL_LINEAGE, tracking.create_relationship),
    ("PATCH", _EXTERNAL_LINEAGE, tracking.update_relationship),
    ("DELETE", _EXTERNAL_LINEAGE, tracking.delete_relationship),
    ("GET", _EXTERNAL_METADATA, tracking.list_metadata),
    ("POST", _EXTERNAL_METADATA, tracking.create_metadata),
    ("GET", f"{_EXTERNAL_METADATA}/{{name}}", tracking.get_metadata),
    ("PATCH", f"{_EXTERNAL_METADATA}/{{name}}", tracking.update_metadata),
    ("DELETE", f"{_EXTERNAL_METADATA}/{{name}}", tracking.delete_metadata),
)


def doors_of(engine: Engine, securables: Securables, guard: Guard) -> Doors:
    """Lineage in the catalog's database, as far as whoever asks may see the tables."""
    catalog, permitted = StoredCatalog(engine, securables), ByGrants(securables, guard)
    return Doors(
        Lineage(engine, catalog, _now_ms, permitted),
        External(engine, catalog, _now_ms, permitted),
        who=who,
    )


def lineage_routes(doors: Doors) -> list[Route]:
    """The routes of OpenLineage's transport and of Databricks' lineage API."""
    served = [
        Route(path, endpoint(doors, handler), methods=[method]) for method, path, handler in _SERVED
    ]
    others = [
        Route(f"{below}{{rest:path}}", _no_endpoint, methods=_METHODS)
        for below in (_EVENTS, _TRACKING)
    ]
    return [*served, *others]


async def _no_endpoint(request: Request) -> Response:
    path = request.url.path.removeprefix(_API)
    return uc_errors.answer(
        404, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {path}'"
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
