"""All doors of one server, put together."""

from __future__ import annotations

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from spark_emulators.unity_catalog.access.control import Access
from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.faults import Faults
from spark_emulators.unity_catalog.paths import DATABRICKS, DELTA, MOUNTS, UNITY_CATALOG
from spark_emulators.unity_catalog.settings import Settings
from spark_emulators.unity_catalog.store.securables import Securables
from spark_emulators.unity_catalog.store.snapshots import Snapshots
from spark_emulators.unity_catalog.wire.authentication import Authentication
from spark_emulators.unity_catalog.wire.control import scim
from spark_emulators.unity_catalog.wire.control.routes import (
    SCIM_PATHS,
    WITHOUT_TOKEN,
    control_routes,
)
from spark_emulators.unity_catalog.wire.delta import errors as delta_errors
from spark_emulators.unity_catalog.wire.delta.app import delta_app
from spark_emulators.unity_catalog.wire.emulator import DOOR, FaultyWire, emulator_app
from spark_emulators.unity_catalog.wire.iceberg import errors as iceberg_errors
from spark_emulators.unity_catalog.wire.iceberg.routes import iceberg_app
from spark_emulators.unity_catalog.wire.lineage.routes import doors_of, lineage_routes
from spark_emulators.unity_catalog.wire.uc import errors as uc_errors
from spark_emulators.unity_catalog.wire.uc.app import uc_app
from spark_emulators.unity_catalog.wire.uc.permissions import permission_routes
from spark_platform.kernel.errors import NotFound

__all__ = ["all_doors"]

_SHAPES = [
    *((path, iceberg_errors.error_answer) for path in MOUNTS),
    *((path, scim.error_answer) for path in SCIM_PATHS),
    (DELTA, delta_errors.error_answer),
    ("", uc_errors.error_answer),
]


def all_doors(
    settings: Settings, engine: Engine, securables: Securables, access: Access
) -> ASGIApp:
    """Unity Catalog's API, Delta's, Iceberg's under both its paths, lineage, and the tests' own."""
    domain = Domain.build(settings, engine, securables, access.guard)
    iceberg, uc = iceberg_app(domain), uc_app(domain)
    faults = Faults()
    doors: ASGIApp = Starlette(
        routes=[
            Mount(DOOR, app=emulator_app(faults, Snapshots(engine), access.check_owner)),
            *control_routes(access),
            *permission_routes(access.permissions, UNITY_CATALOG),
            *(Mount(path, app=iceberg) for path in MOUNTS),
            Mount(DELTA, app=delta_app(domain)),
            *(Mount(path, app=uc) for path in (UNITY_CATALOG, DATABRICKS)),
            *lineage_routes(doors_of(engine, domain.securables, access.guard)),
        ],
        exception_handlers={HTTPException: _no_door},
    )
    if settings.authorization is not None:
        doors = Authentication(doors, access.login, WITHOUT_TOKEN, _SHAPES)
    return FaultyWire(doors, faults, _refusal)


async def _no_door(request: Request, error: Exception) -> Response:
    """The answer to what no API is there for: an error as those nearby have them."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    shape = next(shape for prefix, shape in _SHAPES if path.startswith(prefix))
    return shape(NotFound(f"no API answers {request.method} {path}"))


def _refusal(path: str, status: int, message: str) -> Response:
    """An error as the API at a path has them."""
    if path.startswith(MOUNTS):
        return iceberg_errors.refusal(status, message)
    if path.startswith(DELTA):
        return delta_errors.refusal(status, message)
    return uc_errors.refusal(status, message)
