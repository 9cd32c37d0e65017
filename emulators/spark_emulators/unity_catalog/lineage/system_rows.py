"""The history of lineage as rows of ``system.access.table_lineage`` and ``column_lineage``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DateType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

from spark_emulators.unity_catalog.lineage.edges import End, Type
from spark_emulators.unity_catalog.lineage.store import Happening, Record

__all__ = ["WORKSPACE_ID", "rows", "schema"]

WORKSPACE_ID = 0
"""The one workspace there is."""

_JOB = "JOB"


def schema(*, columns: bool) -> Schema:
    """The columns of one of the tables, in Databricks' order as far as that is known.

    Args:
        columns: of ``column_lineage``, which has two more.
    """
    return Schema(*_fields(_columns(columns)))


def rows(records: Iterable[Record], metastore_id: str, *, columns: bool) -> list[dict[str, Any]]:
    """The records as rows."""
    return [_row(record, metastore_id, columns) for record in records]


def _columns(columns: bool) -> dict[str, Any]:
    text = StringType()
    return {
        **dict.fromkeys(("account_id", "metastore_id", "workspace_id"), text),
        **dict.fromkeys(("entity_type", "entity_id", "entity_run_id"), text),
        **dict.fromkeys(_side("source", columns), text),
        **dict.fromkeys(_side("target", columns), text),
        "created_by": text,
        "event_time": TimestamptzType(),
        "event_date": DateType(),
        **dict.fromkeys(("record_id", "event_id", "statement_id"), text),
        "entity_metadata": {
            "job_info": {"job_id": text, "job_run_id": text},
            "dlt_pipeline_info": {"dlt_pipeline_id": text, "dlt_update_id": text},
            **dict.fromkeys(("notebook_id", "dashboard_id", "legacy_dashboard_id"), text),
            **dict.fromkeys(("sql_query_id", "alert_id", "genie_space_id"), text),
        },
        "direct_access": BooleanType(),
    }


def _side(side: str, columns: bool) -> list[str]:
    table = [f"{side}_table_{part}" for part in ("full_name", "catalog", "schema", "name")]
    return [*table, f"{side}_path", f"{side}_type", *([f"{side}_column_name"] if columns else [])]


def _fields(columns: dict[str, Any]) -> list[NestedField]:
    """Fields whose ids a catalog will assign anew."""
    return [
        NestedField(
            number,
            name,
            StructType(*_fields(kind)) if isinstance(kind, dict) else kind,
            required=False,
        )
        for number, (name, kind) in enumerate(columns.items(), start=1)
    ]


def _row(record: Record, metastore_id: str, columns: bool) -> dict[str, Any]:
    happening = record.happening
    time = datetime.fromtimestamp(happening.event_time / 1000, timezone.utc)
    row = {
        "metastore_id": metastore_id,
        "workspace_id": str(WORKSPACE_ID),
        **_entity(happening),
        **_end("source", record.source),
        **_end("target", record.target),
        "created_by": happening.created_by,
        "event_time": time,
        "event_date": time.date(),
        "record_id": record.record_id,
        "event_id": happening.event_id,
        "direct_access": True,
    }
    if columns:
        row |= {
            "source_column_name": record.source_column,
            "target_column_name": record.target_column,
        }
    return row


def _entity(happening: Happening) -> dict[str, Any]:
    if happening.entity_id is None:
        return {}
    job = {"job_id": happening.entity_id, "job_run_id": happening.entity_run_id}
    return {
        "entity_type": _JOB,
        "entity_id": happening.entity_id,
        "entity_run_id": happening.entity_run_id,
        "entity_metadata": {"job_info": job},
    }


def _end(side: str, end: End | None) -> dict[str, Any]:
    if end is None:
        return {}
    if end.type is Type.PATH:
        return {f"{side}_type": end.type.value, f"{side}_path": end.name}
    catalog, schema, name = end.name.split(".")
    return {
        f"{side}_type": end.type.value,
        f"{side}_table_full_name": end.name,
        f"{side}_table_catalog": catalog,
        f"{side}_table_schema": schema,
        f"{side}_table_name": name,
    }
