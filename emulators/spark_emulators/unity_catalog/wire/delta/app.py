"""The API's endpoints, put together."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.vending.policy import Access
from spark_emulators.unity_catalog.wire.delta import answers, bodies, reading
from spark_emulators.unity_catalog.wire.delta.errors import error_answer, invalid, refused
from spark_emulators.unity_catalog.wire.uc.routing import api_router
from spark_platform.kernel.errors import InvalidInput

__all__ = ["delta_app"]

_VERSION = "1.0"
_ENTRY = re.compile(r"(\d{1,9})\.(\d{1,9})")
_SCHEMA = "/catalogs/{catalog}/schemas/{schema}"
_TABLES = f"{_SCHEMA}/tables"
_TABLE = f"{_TABLES}/{{table}}"
_ENDPOINTS = (
    f"POST /v1{_SCHEMA}/staging-tables",
    f"POST /v1{_TABLES}",
    f"GET /v1{_TABLE}",
    f"POST /v1{_TABLE}",
    f"DELETE /v1{_TABLE}",
    f"HEAD /v1{_TABLE}",
    f"POST /v1{_TABLE}/rename",
    f"GET /v1{_TABLE}/credentials",
    f"POST /v1{_TABLE}/metrics",
    "GET /v1/staging-tables/{table_id}/credentials",
    "GET /v1/temporary-path-credentials",
)


def delta_app(domain: Domain) -> FastAPI:
    """The API of one server."""
    app = FastAPI(
        title="Unity Catalog: Delta",
        version=_VERSION,
        docs_url=None,
        redoc_url=None,
        exception_handlers={RequestValidationError: invalid, HTTPException: refused},
    )
    for router in (_configuration(domain), _tables(domain), _credentials(domain)):
        app.include_router(router)
    return app


def _configuration(domain: Domain) -> APIRouter:
    api = api_router("Configuration", error_answer)

    @api.get("/config")
    def get_config(
        catalog: str, protocol_versions: Annotated[str, Query(alias="protocol-versions")]
    ) -> dict[str, Any]:
        domain.objects.find(Kind.CATALOG, catalog)
        _check_versions(protocol_versions)
        return {"endpoints": _ENDPOINTS, "protocol-version": _VERSION}

    return api


def _tables(domain: Domain) -> APIRouter:
    tables = domain.delta_tables
    api = api_router("Tables", error_answer)

    @api.post(f"{_SCHEMA}/staging-tables")
    def create_staging_table(
        catalog: str, schema: str, body: bodies.CreateStagingTable
    ) -> dict[str, Any]:
        staged = domain.uc_tables.stage([catalog, schema, body.name])
        return answers.staged(staged, domain.vending.for_staged(staged.id))

    @api.post(_TABLES)
    def create_table(catalog: str, schema: str, body: bodies.CreateTable) -> dict[str, Any]:
        return answers.loaded(tables.create(reading.new_table(catalog, schema, body)))

    @api.get(_TABLE)
    def load_table(catalog: str, schema: str, table: str) -> dict[str, Any]:
        return answers.loaded(tables.load([catalog, schema, table]))

    @api.head(_TABLE, status_code=204)
    def table_exists(catalog: str, schema: str, table: str) -> Response:
        tables.check_exists([catalog, schema, table])
        return Response(status_code=204)

    @api.post(_TABLE)
    def update_table(
        catalog: str, schema: str, table: str, body: bodies.UpdateTable
    ) -> dict[str, Any]:
        required, change = reading.requirements(body), reading.change(body)
        return answers.loaded(tables.update([catalog, schema, table], required, change))

    @api.delete(_TABLE, status_code=204)
    def delete_table(catalog: str, schema: str, table: str) -> Response:
        tables.drop([catalog, schema, table])
        return Response(status_code=204)

    @api.post(f"{_TABLE}/rename", status_code=204)
    def rename_table(catalog: str, schema: str, table: str, body: bodies.RenameTable) -> Response:
        tables.rename([catalog, schema, table], body.new_name)
        return Response(status_code=204)

    @api.post(f"{_TABLE}/metrics", status_code=204)
    def report_metrics(
        catalog: str, schema: str, table: str, body: bodies.ReportMetrics
    ) -> Response:
        tables.check_report([catalog, schema, table], body.table_id.lower())
        return Response(status_code=204)

    return api


def _credentials(domain: Domain) -> APIRouter:
    vending = domain.vending
    api = api_router("Temporary credentials", error_answer)

    @api.get(f"{_TABLE}/credentials")
    def for_table(catalog: str, schema: str, table: str, operation: Access) -> dict[str, Any]:
        place = domain.delta_tables.place([catalog, schema, table])
        return answers.credentials(vending.of(place, operation), operation)

    @api.get("/staging-tables/{table_id}/credentials")
    def for_staging_table(table_id: str) -> dict[str, Any]:
        return answers.credentials(vending.for_staged(table_id), Access.READ_WRITE)

    @api.get("/temporary-path-credentials")
    def for_path(location: str, operation: Access) -> dict[str, Any]:
        return answers.credentials(vending.for_delta_path(location, operation), operation)

    return api


def _check_versions(spoken: str) -> None:
    """Check that a client speaks our version.

    Args:
        spoken: the highest version of each major one that it speaks, with commas between them.

    Raises:
        InvalidInput: it does not, or it is no such list.
    """
    found = [_ENTRY.fullmatch(entry.strip()) for entry in spoken.split(",")]
    if not all(found):
        raise InvalidInput(
            f"protocol-versions {spoken!r} must be a list of MAJOR.MINOR",
            hint=f"the server speaks {_VERSION}",
        )
    if not any(one and int(one[1]) == 1 for one in found):
        raise InvalidInput(
            f"no protocol version of {spoken!r} is spoken here",
            hint=f"the server speaks {_VERSION}",
        )
