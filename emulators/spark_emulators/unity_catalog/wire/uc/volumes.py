"""Volumes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.metastore.volumes import create_volume
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.wire.uc import infos
from spark_emulators.unity_catalog.wire.uc.bodies import CreateVolume, UpdateObject
from spark_emulators.unity_catalog.wire.uc.changes import change
from spark_emulators.unity_catalog.wire.uc.paging import Paging
from spark_emulators.unity_catalog.wire.uc.routing import api_router

__all__ = ["router"]


def router(domain: Domain) -> APIRouter:
    objects = domain.objects
    api = api_router("Volumes")

    @api.post("/volumes")
    def create(body: CreateVolume) -> dict[str, Any]:
        names = [body.catalog_name, body.schema_name, body.name]
        return infos.volume(
            create_volume(objects, names, body.volume_type, body.storage_location, body.comment)
        )

    @api.get("/volumes")
    def list_volumes(catalog_name: str, schema_name: str, page: Paging) -> dict[str, Any]:
        found = objects.page(Kind.VOLUME, [catalog_name, schema_name], page)
        return infos.listing("volumes", found, infos.volume)

    @api.get("/volumes/{name}")
    def get(name: str) -> dict[str, Any]:
        return infos.volume(objects.find(Kind.VOLUME, name))

    @api.patch("/volumes/{name}")
    def update(name: str, body: UpdateObject) -> dict[str, Any]:
        return infos.volume(objects.change(Kind.VOLUME, name, change(body)))

    @api.delete("/volumes/{name}")
    def delete(name: str) -> dict[str, Any]:
        objects.drop(Kind.VOLUME, name)
        return {}

    return api
