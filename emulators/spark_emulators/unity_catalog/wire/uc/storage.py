"""Storage credentials and external locations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.securables import Kind, Place
from spark_emulators.unity_catalog.wire.uc import infos
from spark_emulators.unity_catalog.wire.uc.bodies import (
    AwsRole,
    CreateCredential,
    CreateExternalLocation,
    UpdateCredential,
    UpdateExternalLocation,
)
from spark_emulators.unity_catalog.wire.uc.changes import change
from spark_emulators.unity_catalog.wire.uc.paging import Paging
from spark_emulators.unity_catalog.wire.uc.routing import api_router

__all__ = ["router"]


def router(domain: Domain) -> APIRouter:
    api = api_router("Storage")
    # the newer path, and the one that Databricks had first
    _add_credentials(api, domain, "credentials")
    _add_credentials(api, domain, "storage-credentials")
    _add_locations(api, domain)
    return api


def _add_credentials(api: APIRouter, domain: Domain, path: str) -> None:
    objects, locations = domain.objects, domain.external_locations
    key = path.replace("-", "_")

    @api.post(f"/{path}", name=f"create {path}")
    def create(body: CreateCredential) -> dict[str, Any]:
        details = _details(body.aws_iam_role)
        return infos.credential(
            locations.create_credential(body.name, body.purpose, body.comment, details)
        )

    @api.get(f"/{path}", name=f"list {path}")
    def list_credentials(page: Paging, purpose: str | None = None) -> dict[str, Any]:
        found = objects.page(Kind.CREDENTIAL, [], page)
        kept = [one for one in found.items if purpose in (None, one.securable.type)]
        return infos.listing(key, type(found)(kept, found.last), infos.credential)

    @api.get(f"/{path}/{{name}}", name=f"get {path}")
    def get(name: str) -> dict[str, Any]:
        return infos.credential(objects.find(Kind.CREDENTIAL, name))

    @api.patch(f"/{path}/{{name}}", name=f"update {path}")
    def update(name: str, body: UpdateCredential) -> dict[str, Any]:
        details = _details(body.aws_iam_role)
        return infos.credential(locations.change_credential(name, change(body), details))

    @api.delete(f"/{path}/{{name}}", name=f"delete {path}")
    def delete(name: str, force: bool = False) -> dict[str, Any]:
        locations.drop_credential(name, force=force)
        return {}


def _add_locations(api: APIRouter, domain: Domain) -> None:
    objects, locations = domain.objects, domain.external_locations

    def told(places: Sequence[Place]) -> Callable[[Place], dict[str, Any]]:
        names = locations.credential_names(places)
        return lambda place: infos.external_location(place, names.get(place.securable.id))

    def info(place: Place) -> dict[str, Any]:
        return told([place])(place)

    @api.post("/external-locations")
    def create_location(body: CreateExternalLocation) -> dict[str, Any]:
        return info(locations.create(body.name, body.url, body.credential_name, body.comment))

    @api.get("/external-locations")
    def list_locations(page: Paging) -> dict[str, Any]:
        found = objects.page(Kind.EXTERNAL_LOCATION, [], page)
        return infos.listing("external_locations", found, told(found.items))

    @api.get("/external-locations/{name}")
    def get_location(name: str) -> dict[str, Any]:
        return info(objects.find(Kind.EXTERNAL_LOCATION, name))

    @api.patch("/external-locations/{name}")
    def update_location(name: str, body: UpdateExternalLocation) -> dict[str, Any]:
        return info(locations.change(name, change(body), body.url, body.credential_name))

    @api.delete("/external-locations/{name}")
    def delete_location(name: str, force: bool = False) -> dict[str, Any]:
        locations.drop(name, force=force)
        return {}


def _details(role: AwsRole | None) -> dict[str, Any]:
    return {} if role is None else {"aws_iam_role": role.model_dump()}
