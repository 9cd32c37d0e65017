"""The metastore, of which there is one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.wire.uc.routing import api_router
from spark_platform.kernel.errors import NotFound

__all__ = ["router"]

_WORKSPACE = 0


def router(domain: Domain) -> APIRouter:
    metastore = domain.securables.metastore
    api = api_router("Metastore")
    info = {
        "metastore_id": metastore.id,
        "name": metastore.name,
        "owner": metastore.owner,
        "created_at": metastore.created_at,
        "created_by": metastore.created_by,
        "updated_at": metastore.updated_at,
        "updated_by": metastore.updated_by,
        "cloud": "aws",
        "region": domain.settings.region,
        "global_metastore_id": f"aws:{domain.settings.region}:{metastore.id}",
        "privilege_model_version": "1.0",
        "external_access_enabled": True,
    }

    @api.get("/metastore_summary")
    def summary() -> dict[str, Any]:
        return info

    @api.get("/metastores")
    def list_metastores() -> dict[str, Any]:
        return {"metastores": [info]}

    @api.get("/metastores/{id}")
    def get(id: str) -> dict[str, Any]:
        if id != metastore.id:
            raise NotFound(f"metastore {id} does not exist")
        return info

    @api.get("/current-metastore-assignment")
    def assignment() -> dict[str, Any]:
        return {
            "workspace_id": _WORKSPACE,
            "metastore_id": metastore.id,
            "default_catalog_name": domain.settings.catalogs[0].name,
        }

    return api
