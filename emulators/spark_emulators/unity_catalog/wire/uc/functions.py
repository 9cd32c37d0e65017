"""Functions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.metastore.objects import Change
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.wire.uc import infos
from spark_emulators.unity_catalog.wire.uc.bodies import CreateFunction, UpdateTable
from spark_emulators.unity_catalog.wire.uc.paging import Paging
from spark_emulators.unity_catalog.wire.uc.routing import api_router

__all__ = ["router"]

# told by the object itself
_COMMON = {"name", "catalog_name", "schema_name", "comment"}


def router(domain: Domain) -> APIRouter:
    objects = domain.objects
    api = api_router("Functions")

    @api.post("/functions")
    def create(body: CreateFunction) -> dict[str, Any]:
        new = body.function_info
        names = [new.catalog_name, new.schema_name, new.name]
        objects.may_create(Kind.FUNCTION, names)
        place = objects.securables.create(
            Kind.FUNCTION,
            names,
            comment=new.comment,
            details=new.model_dump(exclude=_COMMON, exclude_none=True),
        )
        return infos.function(place)

    @api.get("/functions")
    def list_functions(catalog_name: str, schema_name: str, page: Paging) -> dict[str, Any]:
        found = objects.page(Kind.FUNCTION, [catalog_name, schema_name], page)
        return infos.listing("functions", found, infos.function)

    @api.get("/functions/{name}")
    def get(name: str) -> dict[str, Any]:
        return infos.function(objects.find(Kind.FUNCTION, name))

    @api.patch("/functions/{name}")
    def update(name: str, body: UpdateTable) -> dict[str, Any]:
        return infos.function(objects.change(Kind.FUNCTION, name, Change(owner=body.owner)))

    @api.delete("/functions/{name}")
    def delete(name: str, force: bool = False) -> dict[str, Any]:
        objects.drop(Kind.FUNCTION, name, force=force)
        return {}

    return api
