"""Catalogs and schemas."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.metastore.objects import split
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.wire.uc import infos
from spark_emulators.unity_catalog.wire.uc.bodies import CreateCatalog, CreateSchema, UpdateObject
from spark_emulators.unity_catalog.wire.uc.changes import change
from spark_emulators.unity_catalog.wire.uc.paging import Paging
from spark_emulators.unity_catalog.wire.uc.routing import api_router

__all__ = ["router"]


def router(domain: Domain) -> APIRouter:
    objects = domain.objects
    api = api_router("Catalogs and schemas")

    @api.post("/catalogs")
    def create_catalog(body: CreateCatalog) -> dict[str, Any]:
        place = objects.make_container(
            Kind.CATALOG,
            [body.name],
            storage_root=body.storage_root,
            comment=body.comment,
            properties=body.properties or {},
        )
        return infos.catalog(place)

    @api.get("/catalogs")
    def list_catalogs(page: Paging) -> dict[str, Any]:
        return infos.listing("catalogs", objects.page(Kind.CATALOG, [], page), infos.catalog)

    @api.get("/catalogs/{name}")
    def get_catalog(name: str) -> dict[str, Any]:
        return infos.catalog(objects.find(Kind.CATALOG, name))

    @api.patch("/catalogs/{name}")
    def update_catalog(name: str, body: UpdateObject) -> dict[str, Any]:
        return infos.catalog(objects.change(Kind.CATALOG, name, change(body)))

    @api.delete("/catalogs/{name}")
    def delete_catalog(name: str, force: bool = False) -> dict[str, Any]:
        objects.drop(Kind.CATALOG, name, force=force)
        return {}

    @api.post("/schemas")
    def create_schema(body: CreateSchema) -> dict[str, Any]:
        place = objects.make_container(
            Kind.SCHEMA,
            [body.catalog_name, body.name],
            storage_root=body.storage_root,
            comment=body.comment,
            properties=body.properties or {},
        )
        return infos.schema(place)

    @api.get("/schemas")
    def list_schemas(catalog_name: str, page: Paging) -> dict[str, Any]:
        parents = split(Kind.CATALOG, catalog_name)
        return infos.listing("schemas", objects.page(Kind.SCHEMA, parents, page), infos.schema)

    @api.get("/schemas/{full_name}")
    def get_schema(full_name: str) -> dict[str, Any]:
        return infos.schema(objects.find(Kind.SCHEMA, full_name))

    @api.patch("/schemas/{full_name}")
    def update_schema(full_name: str, body: UpdateObject) -> dict[str, Any]:
        return infos.schema(objects.change(Kind.SCHEMA, full_name, change(body)))

    @api.delete("/schemas/{full_name}")
    def delete_schema(full_name: str, force: bool = False) -> dict[str, Any]:
        objects.drop(Kind.SCHEMA, full_name, force=force)
        return {}

    return api
