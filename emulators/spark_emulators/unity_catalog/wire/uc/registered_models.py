"""Registered models, their versions and aliases."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.metastore.objects import split
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.wire.uc import infos
from spark_emulators.unity_catalog.wire.uc.bodies import (
    CreateModel,
    CreateModelVersion,
    FinalizeModelVersion,
    SetAlias,
    UpdateModelVersion,
    UpdateObject,
)
from spark_emulators.unity_catalog.wire.uc.changes import change
from spark_emulators.unity_catalog.wire.uc.paging import Paging
from spark_emulators.unity_catalog.wire.uc.routing import api_router
from spark_platform.kernel.errors import InvalidInput

__all__ = ["router"]


def router(domain: Domain) -> APIRouter:
    api = api_router("Models")
    _add_models(api, domain)
    _add_versions(api, domain)
    _add_aliases(api, domain)
    return api


def _add_models(api: APIRouter, domain: Domain) -> None:
    objects = domain.objects

    @api.post("/models")
    def create(body: CreateModel) -> dict[str, Any]:
        names = [body.catalog_name, body.schema_name, body.name]
        return infos.model(domain.models.create(names, body.comment))

    @api.get("/models")
    def list_models(
        page: Paging, catalog_name: str | None = None, schema_name: str | None = None
    ) -> dict[str, Any]:
        if (catalog_name is None) != (schema_name is None):
            raise InvalidInput("give catalog_name and schema_name, or neither")
        if catalog_name is not None and schema_name is not None:
            found = objects.page(Kind.MODEL, [catalog_name, schema_name], page)
        else:
            found = objects.everywhere(Kind.MODEL, page)
        return infos.listing("registered_models", found, infos.model)

    @api.get("/models/{full_name}")
    def get(full_name: str) -> dict[str, Any]:
        return infos.model(objects.find(Kind.MODEL, full_name))

    @api.patch("/models/{full_name}")
    def update(full_name: str, body: UpdateObject) -> dict[str, Any]:
        return infos.model(objects.change(Kind.MODEL, full_name, change(body)))

    @api.delete("/models/{full_name}")
    def delete(full_name: str, force: bool = False) -> dict[str, Any]:
        objects.drop(Kind.MODEL, full_name, force=force)
        return {}


def _add_versions(api: APIRouter, domain: Domain) -> None:
    objects, models = domain.objects, domain.models

    @api.post("/models/versions")
    def create_version(body: CreateModelVersion) -> dict[str, Any]:
        names = [body.catalog_name, body.schema_name, body.model_name]
        details = body.model_dump(include={"source", "run_id"}, exclude_none=True)
        return infos.model_version(models.create_version(names, body.comment, details))

    @api.get("/models/{full_name}/versions")
    def list_versions(full_name: str, page: Paging) -> dict[str, Any]:
        names = split(Kind.MODEL, full_name)
        found = objects.page(Kind.MODEL_VERSION, names, _after_number(page))
        last = found.last and str(int(found.last))
        return infos.listing("model_versions", Page(found.items, last), infos.model_version)

    @api.get("/models/{full_name}/versions/{version}")
    def get_version(full_name: str, version: str) -> dict[str, Any]:
        return infos.model_version(models.version(split(Kind.MODEL, full_name), version))

    @api.patch("/models/{full_name}/versions/{version}")
    def update_version(full_name: str, version: str, body: UpdateModelVersion) -> dict[str, Any]:
        names = split(Kind.MODEL, full_name)
        return infos.model_version(models.change_version(names, version, body.comment))

    @api.patch("/models/{full_name}/versions/{version}/finalize")
    def finalize(full_name: str, version: str, body: FinalizeModelVersion) -> dict[str, Any]:
        if (body.full_name, str(body.version)) != (full_name, version):
            raise InvalidInput("full_name and version must be those of the path")
        return infos.model_version(models.finalize(split(Kind.MODEL, full_name), version))

    @api.delete("/models/{full_name}/versions/{version}")
    def delete_version(full_name: str, version: str) -> dict[str, Any]:
        models.drop_version(split(Kind.MODEL, full_name), version)
        return {}


def _add_aliases(api: APIRouter, domain: Domain) -> None:
    models = domain.models

    @api.put("/models/{full_name}/aliases/{alias}")
    def set_alias(full_name: str, alias: str, body: SetAlias) -> dict[str, Any]:
        models.set_alias(split(Kind.MODEL, full_name), alias, body.version_num)
        return {"alias_name": alias, "version_num": body.version_num}

    @api.get("/models/{full_name}/aliases/{alias}")
    def get_by_alias(full_name: str, alias: str) -> dict[str, Any]:
        return infos.model_version(models.aliased(split(Kind.MODEL, full_name), alias))

    @api.delete("/models/{full_name}/aliases/{alias}")
    def delete_alias(full_name: str, alias: str) -> dict[str, Any]:
        models.drop_alias(split(Kind.MODEL, full_name), alias)
        return {}


def _after_number(page: PageRequest) -> PageRequest:
    """A page of versions: their tokens are numbers."""
    if not page.after:
        return page
    if not page.after.isdecimal() or len(page.after) > 10:
        raise InvalidInput(f"page_token {page.after!r} was not issued by this catalog")
    return PageRequest(after=f"{int(page.after):010d}", size=page.size)
