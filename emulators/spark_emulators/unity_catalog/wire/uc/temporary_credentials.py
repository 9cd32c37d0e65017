"""Credentials for the files of one object, for a while."""

from __future__ import annotations

import time
from typing import Any, Literal

from fastapi import APIRouter

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.metastore.vending import PathOperation, Vended
from spark_emulators.unity_catalog.vending.policy import Access
from spark_emulators.unity_catalog.wire.uc.bodies import Body, Name
from spark_emulators.unity_catalog.wire.uc.routing import api_router

__all__ = ["router"]

_HOUR_MS = 3_600_000


class TableCredentials(Body):
    table_id: Name
    operation: Literal["READ", "READ_WRITE"]


class VolumeCredentials(Body):
    volume_id: Name
    operation: Literal["READ_VOLUME", "WRITE_VOLUME"]


class ModelVersionCredentials(Body):
    catalog_name: Name
    schema_name: Name
    model_name: Name
    version: int
    operation: Literal["READ_MODEL_VERSION", "READ_WRITE_MODEL_VERSION"]


class PathCredentials(Body):
    url: Name
    operation: Literal["PATH_READ", "PATH_READ_WRITE", "PATH_CREATE_TABLE"]


def router(domain: Domain) -> APIRouter:
    vending = domain.vending
    api = api_router("Temporary credentials")

    @api.post("/temporary-table-credentials")
    def for_table(body: TableCredentials) -> dict[str, Any]:
        return _answer(vending.for_table(body.table_id, Access(body.operation)))

    @api.post("/temporary-volume-credentials")
    def for_volume(body: VolumeCredentials) -> dict[str, Any]:
        access = Access.READ if body.operation == "READ_VOLUME" else Access.READ_WRITE
        return _answer(vending.for_volume(body.volume_id, access))

    @api.post("/temporary-model-version-credentials")
    def for_model_version(body: ModelVersionCredentials) -> dict[str, Any]:
        names = [body.catalog_name, body.schema_name, body.model_name]
        access = Access.READ if body.operation == "READ_MODEL_VERSION" else Access.READ_WRITE
        return _answer(vending.for_model_version(names, body.version, access))

    @api.post("/temporary-path-credentials")
    def for_path(body: PathCredentials) -> dict[str, Any]:
        return _answer(vending.for_path(body.url, PathOperation(body.operation)))

    return api


def _answer(vended: Vended) -> dict[str, Any]:
    keys = vended.credentials
    if keys is None:
        return {"url": vended.location, "expiration_time": _now_ms() + _HOUR_MS}
    return {
        "aws_temp_credentials": {
            "access_key_id": keys.access_key_id,
            "secret_access_key": keys.secret_access_key,
            "session_token": keys.session_token,
        },
        "url": vended.location,
        "expiration_time": keys.expires_at_ms,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
