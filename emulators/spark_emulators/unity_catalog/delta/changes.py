"""What a request to change a Delta table makes of it: pure.

The open-source server's ``DeltaUpdateTableMapper``: all changes of a request are made, or none, in
one order whatever the order they are sent in.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.unity_catalog.delta import schema, uniform
from spark_emulators.unity_catalog.delta.contract import check_domains, check_managed
from spark_emulators.unity_catalog.delta.log import Commit, Log
from spark_emulators.unity_catalog.delta.protocol import (
    LAST_TIMESTAMP,
    LAST_VERSION,
    Domains,
    Protocol,
    domains_of,
    features_of,
    of_domains,
    with_protocol,
    without_domains,
)
from spark_emulators.unity_catalog.delta.uniform import Uniform
from spark_emulators.unity_catalog.errors import RequirementConflict
from spark_emulators.unity_catalog.securables import Securable
from spark_platform.kernel.errors import InvalidInput

__all__ = ["COLUMNS", "Requirements", "TableChange", "changed", "etag"]

COLUMNS = "columns"
_MANAGED, _EXTERNAL = "MANAGED", "EXTERNAL"


@dataclass(frozen=True)
class Requirements:
    """What must be true of a table, or nothing is changed.

    Attributes:
        etag: as it was told with the table; None for whatever it is.
    """

    table_uuid: str
    etag: str | None = None


@dataclass(frozen=True)
class TableChange:
    """What is to change; None for what stays.

    Attributes:
        columns: the fields of a new schema, as Delta's API spells them.
        domains: those that are set.
        domains_removed: the names of those that go.
        commit, uniform: a new version, and where it can be read as an Iceberg table.
        backfilled: up to which version the log has been backfilled.
        snapshot: version and time (milliseconds since 1970) of the commit that an external table's
            metadata is from.
    """

    columns: Sequence[Mapping[str, Any]] | None = None
    partition_columns: Sequence[str] | None = None
    protocol: Protocol | None = None
    properties: Mapping[str, str] | None = None
    properties_removed: Sequence[str] | None = None
    domains: Domains | None = None
    domains_removed: Sequence[str] | None = None
    comment: str | None = None
    snapshot: tuple[int, int] | None = None
    commit: Commit | None = None
    uniform: Uniform | None = None
    backfilled: int | None = None

    @property
    def of_metadata(self) -> bool:
        """Whether a commit that comes with it changes more than data."""
        metadata = (
            *(self.columns, self.partition_columns, self.protocol, self.properties, self.comment),
            *(self.properties_removed, self.domains, self.domains_removed),
        )
        return any(part is not None for part in metadata)


def etag(table: Securable, log: Log) -> str:
    """What is another one as soon as anything about the table is."""
    told = (table.id, table.name, table.comment, dict(table.properties), dict(table.details))
    state = json.dumps([told, table.updated_at, dataclasses.asdict(log)], sort_keys=True)
    return f"etag-{hashlib.sha256(state.encode()).hexdigest()[:32]}"


def changed(
    table: Securable, log: Log, requirements: Requirements, change: TableChange
) -> tuple[Securable, Log]:
    """The table and its log as they are to be.

    Both are what they were where the change brings a commit that is there already: its writer had
    no answer, and sends all of it again.

    Raises:
        RequirementConflict: a requirement does not hold.
        InvalidInput: the change contradicts itself or the table.
        CommitVersionConflict, TooMany: as ``Log.committed``.
    """
    _check_consistent(change)
    if requirements.table_uuid != table.id:
        raise RequirementConflict(
            f"assert-table-uuid failed: expected {requirements.table_uuid} but table has {table.id}"
        )
    if change.commit is not None and log.has(change.commit):
        return table, log
    if requirements.etag not in (None, etag(table, log)):
        raise RequirementConflict(
            f"assert-etag failed: expected {requirements.etag} but table has {etag(table, log)}"
        )
    after = _described(table, change)
    _check_contract(after, change)
    return _committed(after, log, change)


def _check_consistent(change: TableChange) -> None:
    both = set(change.properties or ()) & set(change.properties_removed or ())
    if both:
        raise InvalidInput(
            f"set-properties and remove-properties overlap on keys: {', '.join(sorted(both))}"
        )
    both = set(change.domains or ()) & set(change.domains_removed or ())
    if both:
        raise InvalidInput(
            "set-domain-metadata and remove-domain-metadata overlap on domains: "
            f"{', '.join(sorted(both))}"
        )


def _described(table: Securable, change: TableChange) -> Securable:
    """The table with all that is no commit."""
    if change.snapshot is not None and table.type != _EXTERNAL:
        raise InvalidInput("update-metadata-snapshot-version is only for EXTERNAL Delta tables")
    return dataclasses.replace(
        table,
        comment=table.comment if change.comment is None else change.comment,
        properties=_properties(table.properties, change),
        details={**table.details, **_columns(table, change)},
    )


def _columns(table: Securable, change: TableChange) -> Mapping[str, Any]:
    there = table.details.get(COLUMNS, [])
    if change.columns is None and change.partition_columns is None:
        return {}
    partitions = change.partition_columns
    if partitions is None:
        partitions = schema.partitions(there)
    if change.columns is None:
        return {COLUMNS: schema.partitioned(there, partitions)}
    return {COLUMNS: schema.columns(change.columns, partitions)}


def _properties(properties: Mapping[str, str], change: TableChange) -> Mapping[str, str]:
    after = dict(properties)
    if change.protocol is not None:
        after = with_protocol(after, change.protocol)
    after |= change.properties or {}
    for key in change.properties_removed or ():
        after.pop(key, None)
    after |= of_domains(change.domains or {})
    after = without_domains(after, change.domains_removed or ())
    if change.snapshot is not None:
        after |= _last(*change.snapshot)
    return after


def _check_contract(after: Securable, change: TableChange) -> None:
    if after.type != _MANAGED:
        return
    domains = domains_of(after.properties)
    if change.protocol is not None:
        check_managed(change.protocol, domains, after.properties)
    elif change.domains is not None:
        check_domains(domains, features_of(after.properties))


def _committed(table: Securable, log: Log, change: TableChange) -> tuple[Securable, Log]:
    if change.commit is None and change.backfilled is None:
        return table, log
    if table.type != _MANAGED:
        raise InvalidInput(
            "add-commit and set-latest-backfilled-version require a MANAGED Delta table"
        )
    if change.backfilled is not None:
        log = log.backfilled(change.backfilled)
    commit = change.commit
    if commit is None:
        return table, log
    told = change.uniform
    if told is not None and told.converted_delta_version != commit.version:
        raise InvalidInput(
            f"uniform.iceberg.converted-delta-version must be {commit.version}, as the commit's, "
            f"not {told.converted_delta_version}"
        )
    assert table.storage_location is not None
    uniform.check(told, table.properties, table.storage_location, new=False)
    properties, details = table.properties, table.details
    if change.of_metadata:
        properties = {**properties, **_last(commit.version, commit.timestamp)}
    if told is not None:
        details = {**details, uniform.KEPT: told.kept()}
    after = dataclasses.replace(table, properties=properties, details=details)
    return after, log.committed(commit)


def _last(version: int, timestamp: int) -> dict[str, str]:
    return {LAST_VERSION: str(version), LAST_TIMESTAMP: str(timestamp)}
