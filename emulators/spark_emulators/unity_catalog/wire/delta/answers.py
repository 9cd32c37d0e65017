"""What Delta's readers and writers are told, as ``delta.yaml`` spells it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from spark_emulators.unity_catalog.delta import contract, schema
from spark_emulators.unity_catalog.delta.changes import COLUMNS, etag
from spark_emulators.unity_catalog.delta.protocol import LAST_TIMESTAMP, LAST_VERSION
from spark_emulators.unity_catalog.delta.tables import Loaded
from spark_emulators.unity_catalog.delta.uniform import Uniform
from spark_emulators.unity_catalog.metastore.vending import Vended
from spark_emulators.unity_catalog.store.staging import StagedTable
from spark_emulators.unity_catalog.vending.policy import Access

__all__ = ["credentials", "loaded", "staged"]

_HOUR_MS = 3_600_000


def loaded(found: Loaded) -> dict[str, Any]:
    """A table, and what of its log only the catalog has."""
    answer: dict[str, Any] = {"metadata": _metadata(found)}
    if found.table.type == "MANAGED":
        newest_first = reversed(found.log.waiting)
        answer["commits"] = [_hyphenated(asdict(commit)) for commit in newest_first]
        answer["latest-table-version"] = found.log.version
    uniform = Uniform.of(found.table.details)
    if uniform is not None:
        answer["uniform"] = {"iceberg": _hyphenated(asdict(uniform))}
    return answer


def staged(table: StagedTable, vended: Vended) -> dict[str, Any]:
    """A place for a managed table, and what must be written there."""
    return {
        "table-id": table.id,
        "table-type": "MANAGED",
        "location": table.location,
        **credentials(vended, Access.READ_WRITE),
        "required-protocol": _hyphenated(asdict(contract.REQUIRED)),
        "suggested-protocol": {
            "reader-features": contract.SUGGESTED_READER_FEATURES,
            "writer-features": contract.SUGGESTED_WRITER_FEATURES,
        },
        "required-properties": {**contract.REQUIRED_PROPERTIES, contract.TABLE_ID: table.id},
        "suggested-properties": contract.SUGGESTED_PROPERTIES,
    }


def credentials(vended: Vended, access: Access) -> dict[str, Any]:
    """Credentials for a place; with none in it where files need none."""
    keys = vended.credentials
    config = (
        {
            "s3.access-key-id": keys.access_key_id,
            "s3.secret-access-key": keys.secret_access_key,
            "s3.session-token": keys.session_token,
        }
        if keys
        else {}
    )
    expires = keys.expires_at_ms if keys else time.time_ns() // 1_000_000 + _HOUR_MS
    credential = {
        "prefix": vended.location,
        "operation": access.value,
        "config": config,
        "expiration-time-ms": expires,
    }
    return {"storage-credentials": [credential]}


def _metadata(found: Loaded) -> dict[str, Any]:
    table = found.table
    columns = table.details.get(COLUMNS, [])
    metadata = {
        "etag": etag(table, found.log),
        "table-type": table.type,
        "table-uuid": table.id,
        "location": table.storage_location,
        "created-time": table.created_at,
        "updated-time": table.updated_at,
        "columns": {"type": "struct", "fields": schema.fields(columns)},
        "partition-columns": schema.partitions(columns),
        "properties": dict(table.properties),
        "last-commit-version": _number(table.properties.get(LAST_VERSION)),
        "last-commit-timestamp-ms": _number(table.properties.get(LAST_TIMESTAMP)),
    }
    return {key: value for key, value in metadata.items() if value is not None}


def _number(text: str | None) -> int | None:
    """None also for what is no number: who set the property may have set anything."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _hyphenated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("_", "-"): value for key, value in values.items() if value is not None}
