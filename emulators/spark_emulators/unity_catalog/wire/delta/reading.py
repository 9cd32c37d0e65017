"""From bodies to what the domain knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spark_emulators.unity_catalog.delta.changes import Requirements, TableChange
from spark_emulators.unity_catalog.delta.log import Commit
from spark_emulators.unity_catalog.delta.protocol import (
    CLUSTERING,
    ROW_TRACKING,
    Domains,
    Protocol,
)
from spark_emulators.unity_catalog.delta.tables import NewDeltaTable
from spark_emulators.unity_catalog.delta.uniform import Uniform
from spark_emulators.unity_catalog.wire.delta import bodies
from spark_platform.kernel.errors import InvalidInput

__all__ = ["change", "new_table", "requirements"]


def new_table(catalog: str, schema: str, body: bodies.CreateTable) -> NewDeltaTable:
    """The table that a body describes, in a schema of the path."""
    return NewDeltaTable(
        (catalog, schema, body.name),
        type=body.table_type,
        location=body.location,
        columns=_fields(body.columns),
        protocol=_protocol(body.protocol),
        timestamp=body.last_commit_timestamp_ms,
        properties=body.properties,
        partition_columns=body.partition_columns or (),
        domains=_domains(body.domain_metadata or bodies.DomainMetadata()),
        comment=body.comment,
        uniform=_uniform(body.uniform),
    )


def requirements(body: bodies.UpdateTable) -> Requirements:
    """What a body requires; raises InvalidInput unless it names a table, each type once."""
    by_type: dict[str, Any] = {}
    for one in body.requirements:
        _put_once(by_type, one.type, one)
    if "assert-table-uuid" not in by_type:
        raise InvalidInput("assert-table-uuid requirement is required")
    etag = by_type.get("assert-etag")
    return Requirements(by_type["assert-table-uuid"].uuid.lower(), etag and etag.etag)


def change(body: bodies.UpdateTable) -> TableChange:
    """What a body changes; raises InvalidInput where two are of one action, or one says nothing."""
    by_action: dict[str, Any] = {}
    for one in body.updates:
        _put_once(by_action, one.action, one)
    fields: dict[str, Any] = {}
    for update in by_action.values():
        fields |= _READERS[type(update)](update)
    return TableChange(**fields)


def _put_once(found: dict[str, Any], key: str, value: Any) -> None:
    if key in found:
        raise InvalidInput(f"At most one {key} is allowed per request")
    found[key] = value


def _added(update: bodies.AddCommit) -> dict[str, Any]:
    return {"commit": Commit(**update.commit.model_dump()), "uniform": _uniform(update.uniform)}


def _domains_set(update: bodies.SetDomainMetadata) -> dict[str, Any]:
    domains = _domains(update.updates)
    if not domains:
        raise InvalidInput(
            f"set-domain-metadata requires one of: {CLUSTERING}, {ROW_TRACKING}",
        )
    return {"domains": domains}


_READERS: Mapping[type[Any], Callable[[Any], dict[str, Any]]] = {
    bodies.SetProperties: lambda one: {"properties": one.updates},
    bodies.RemoveProperties: lambda one: {"properties_removed": one.removals},
    bodies.SetColumns: lambda one: {"columns": _fields(one.columns)},
    bodies.SetPartitionColumns: lambda one: {"partition_columns": one.partition_columns},
    bodies.SetComment: lambda one: {"comment": one.comment},
    bodies.SetProtocol: lambda one: {"protocol": _protocol(one.protocol)},
    bodies.SetDomainMetadata: _domains_set,
    bodies.RemoveDomainMetadata: lambda one: {"domains_removed": one.domains},
    bodies.AddCommit: _added,
    bodies.SetBackfilled: lambda one: {"backfilled": one.latest_published_version},
    bodies.UpdateSnapshot: lambda one: {
        "snapshot": (one.last_commit_version, one.last_commit_timestamp_ms)
    },
}


def _fields(struct: bodies.Struct) -> Sequence[Mapping[str, Any]]:
    return struct.model_dump(by_alias=True)["fields"]  # type: ignore[no-any-return]


def _protocol(body: bodies.Protocol) -> Protocol:
    return Protocol(
        body.min_reader_version,
        body.min_writer_version,
        body.reader_features or (),
        body.writer_features or (),
    )


def _domains(body: bodies.DomainMetadata) -> Domains:
    found: dict[str, Any] = {}
    if body.clustering is not None:
        found[CLUSTERING] = body.clustering.columns
    if body.row_tracking is not None:
        found[ROW_TRACKING] = body.row_tracking.high_water_mark
    return found


def _uniform(body: bodies.Uniform | None) -> Uniform | None:
    return None if body is None else Uniform(**body.iceberg.model_dump())
