"""Tables, and staging tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.metastore.objects import Change
from spark_emulators.unity_catalog.metastore.tables import NewTable
from spark_emulators.unity_catalog.securables import Kind, Place
from spark_emulators.unity_catalog.wire.uc import infos
from spark_emulators.unity_catalog.wire.uc.bodies import (
    CreateStagingTable,
    CreateTable,
    UpdateTable,
)
from spark_emulators.unity_catalog.wire.uc.paging import Paging
from spark_emulators.unity_catalog.wire.uc.routing import api_router
from spark_platform.kernel.errors import InvalidInput

__all__ = ["router"]

_DETAILS = {"columns", "view_definition", "view_dependencies"}


def router(domain: Domain) -> APIRouter:
    objects = domain.objects
    api = api_router("Tables")

    @api.post("/staging-tables")
    def create_staging_table(body: CreateStagingTable) -> dict[str, Any]:
        staged = domain.uc_tables.stage([body.catalog_name, body.schema_name, body.name])
        return {
            **body.model_dump(),
            "id": staged.id,
            "staging_location": staged.location,
        }

    @api.post("/tables")
    def create_table(body: CreateTable) -> dict[str, Any]:
        new = NewTable(
            (body.catalog_name, body.schema_name, body.name),
            type=body.table_type,
            format=body.data_source_format,
            location=body.storage_location,
            comment=body.comment,
            properties=body.properties or {},
            details=body.model_dump(include=_DETAILS, exclude_none=True),
        )
        return infos.table(domain.uc_tables.create(new))

    @api.get("/tables")
    def list_tables(
        catalog_name: str,
        schema_name: str,
        page: Paging,
        omit_columns: bool = False,
        omit_properties: bool = False,
    ) -> dict[str, Any]:
        found = objects.page(Kind.TABLE, [catalog_name, schema_name], page)
        omitted = {"columns"} if omit_columns else set()
        omitted |= {"properties"} if omit_properties else set()

        def info(place: Place) -> dict[str, Any]:
            return {k: value for k, value in infos.table(place).items() if k not in omitted}

        return infos.listing("tables", found, info)

    @api.get("/table-summaries")
    def list_summaries(
        catalog_name: str,
        page: Paging,
        schema_name_pattern: str = "%",
        table_name_pattern: str = "%",
    ) -> dict[str, Any]:
        return _summaries(
            domain, catalog_name, _like(schema_name_pattern), _like(table_name_pattern), page
        )

    @api.get("/tables/{full_name}")
    def get_table(full_name: str) -> dict[str, Any]:
        return infos.table(objects.find(Kind.TABLE, full_name))

    @api.get("/tables/{full_name}/exists")
    def table_exists(full_name: str) -> dict[str, Any]:
        try:
            objects.find(Kind.TABLE, full_name)
        except NoSuch as error:
            if error.kind is not Kind.TABLE:
                raise
            return {"table_exists": False}
        return {"table_exists": True}

    @api.patch("/tables/{full_name}")
    def update_table(full_name: str, body: UpdateTable) -> dict[str, Any]:
        objects.change(Kind.TABLE, full_name, Change(owner=body.owner))
        return {}

    @api.delete("/tables/{full_name}")
    def delete_table(full_name: str) -> dict[str, Any]:
        objects.drop(Kind.TABLE, full_name)
        return {}

    return api


def _summaries(
    domain: Domain, catalog: str, schemas: re.Pattern[str], tables: re.Pattern[str], page: Paging
) -> dict[str, Any]:
    every = domain.objects.every
    begun, _, after = page.after.partition(".")

    def matching() -> Iterator[Place]:
        if begun:
            with suppress(NoSuch):
                yield from every(Kind.TABLE, [catalog, begun], after)
        for schema in every(Kind.SCHEMA, [catalog], begun):
            if schemas.fullmatch(schema.securable.name):
                yield from every(Kind.TABLE, schema.names)

    found = (one for one in matching() if tables.fullmatch(one.securable.name))
    cut = page.cut(list(islice(found, page.limit)), lambda place: ".".join(place.names[1:]))
    return infos.listing(
        "tables",
        cut,
        lambda place: {"full_name": place.full_name, "table_type": place.securable.type},
    )


def _like(pattern: str) -> re.Pattern[str]:
    """SQL's LIKE as a regular expression."""
    if len(pattern) > 255:
        raise InvalidInput("a name pattern has at most 255 characters")
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)
