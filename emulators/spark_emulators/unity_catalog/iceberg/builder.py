"""One commit's updates, applied one after the other to a table's metadata.

pyiceberg applies each update; this settles first what the Java reference implementation
(``TableMetadata.Builder``) does and pyiceberg does not: a schema, spec or order that is there
already is used again, "the last added" is the last one this commit named, a taken id gets a free
one, and removing what is not there is no change.

The two private names of pyiceberg are the only way to apply updates singly, so that each is settled
against the metadata the ones before it left. The project pins pyiceberg's version exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataV1
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER_ID
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    AddSnapshotUpdate,
    AddSortOrderUpdate,
    AssignUUIDUpdate,
    RemovePartitionSpecsUpdate,
    RemovePartitionStatisticsUpdate,
    RemovePropertiesUpdate,
    RemoveSchemasUpdate,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    RemoveStatisticsUpdate,
    SetCurrentSchemaUpdate,
    SetDefaultSortOrderUpdate,
    SetDefaultSpecUpdate,
    SetLocationUpdate,
    TableUpdate,
    UpgradeFormatVersionUpdate,
    _apply_table_update,
    _TableMetadataUpdateContext,
)

from spark_emulators.unity_catalog.errors import CommitFailed
from spark_emulators.unity_catalog.iceberg.metadata import check_format, check_location
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Builder"]

_LAST_ADDED = -1
_CLOCK_SKEW_MS = 60_000


class Builder:
    """Metadata in the making.

    Args:
        base: the table's current metadata; None where the commit creates the table.
    """

    def __init__(self, base: TableMetadata | None) -> None:
        self.metadata: TableMetadata = base if base is not None else _nothing()
        self._creates = base is None
        self._context = _TableMetadataUpdateContext()
        self._schemas = _Added("schema")
        self._specs = _Added("partition spec")
        self._orders = _Added("sort order")
        self._settle: dict[type[Any], Callable[[Any], TableUpdate | None]] = {
            AssignUUIDUpdate: self._assign_uuid,
            UpgradeFormatVersionUpdate: self._upgrade,
            SetLocationUpdate: self._set_location,
            AddSchemaUpdate: self._add_schema,
            SetCurrentSchemaUpdate: self._set_current_schema,
            AddPartitionSpecUpdate: self._add_spec,
            SetDefaultSpecUpdate: self._set_default_spec,
            AddSortOrderUpdate: self._add_order,
            SetDefaultSortOrderUpdate: self._set_default_order,
            AddSnapshotUpdate: self._add_snapshot,
            RemoveSnapshotsUpdate: self._remove_snapshots,
            RemovePropertiesUpdate: self._remove_properties,
            RemoveSchemasUpdate: self._remove_schemas,
            RemovePartitionSpecsUpdate: self._remove_specs,
            RemoveStatisticsUpdate: self._remove_statistics,
            RemovePartitionStatisticsUpdate: self._remove_partition_statistics,
        }

    def apply(self, update: TableUpdate) -> None:
        """Apply one update.

        Raises:
            InvalidInput: it contradicts the metadata.
            CommitFailed: somebody else's commit has overtaken it.
            Exception: whatever pyiceberg raises for an update that makes no sense.
        """
        settle = self._settle.get(type(update))
        settled = settle(update) if settle else update
        if settled is None:
            return
        self.metadata = _apply_table_update(settled, self.metadata, self._context)
        if isinstance(settled, RemoveSnapshotRefUpdate) and settled.ref_name == MAIN_BRANCH:
            self.metadata = self.metadata.model_copy(update={"snapshot_log": []})

    def _assign_uuid(self, update: TableUpdate) -> TableUpdate:
        if not self._creates and update.uuid != self.metadata.table_uuid:
            raise InvalidInput("the uuid of a table cannot be changed")
        return update

    def _upgrade(self, update: TableUpdate) -> TableUpdate:
        check_format(update.format_version)
        return update

    def _set_location(self, update: TableUpdate) -> TableUpdate | None:
        location = check_location(update.location)
        if not self._creates and location == self.metadata.location:
            return None
        return SetLocationUpdate(location=location)

    def _add_schema(self, update: TableUpdate) -> TableUpdate | None:
        schema = update.schema_
        schema.check_format_version_compatibility(self.metadata.format_version)
        known = {other.schema_id: other for other in self.metadata.schemas}
        same = next((key for key, other in known.items() if _equal(other, schema)), None)
        actual = self._schemas.settle(schema.schema_id, same, known)
        if actual in known:
            return None
        return AddSchemaUpdate(schema=schema.model_copy(update={"schema_id": actual}))

    def _set_current_schema(self, update: TableUpdate) -> TableUpdate:
        return SetCurrentSchemaUpdate(schema_id=self._schemas.resolve(update.schema_id))

    def _add_spec(self, update: TableUpdate) -> TableUpdate | None:
        spec = update.spec
        known = {other.spec_id: other for other in self.metadata.partition_specs}
        same = next((key for key, other in known.items() if other.compatible_with(spec)), None)
        actual = self._specs.settle(spec.spec_id, same, known)
        if actual in known:
            return None
        return AddPartitionSpecUpdate(spec=spec.model_copy(update={"spec_id": actual}))

    def _set_default_spec(self, update: TableUpdate) -> TableUpdate:
        return SetDefaultSpecUpdate(spec_id=self._specs.resolve(update.spec_id))

    def _add_order(self, update: TableUpdate) -> TableUpdate | None:
        order = update.sort_order
        known = {other.order_id: other for other in self.metadata.sort_orders}
        # By the table specification "unsorted" has an id of its own, and no other order has it.
        same = UNSORTED_SORT_ORDER_ID if order.is_unsorted else None
        for key, other in known.items():
            if other.fields == order.fields:
                same = key
        actual = self._orders.settle(order.order_id, same, {UNSORTED_SORT_ORDER_ID: None, **known})
        if actual in known:
            return None
        return AddSortOrderUpdate(sort_order=order.model_copy(update={"order_id": actual}))

    def _set_default_order(self, update: TableUpdate) -> TableUpdate:
        return SetDefaultSortOrderUpdate(sort_order_id=self._orders.resolve(update.sort_order_id))

    def _add_snapshot(self, update: TableUpdate) -> TableUpdate:
        snapshot, metadata = update.snapshot, self.metadata
        if snapshot.timestamp_ms < metadata.last_updated_ms - _CLOCK_SKEW_MS:
            raise InvalidInput(
                f"snapshot {snapshot.snapshot_id} is more than a minute older than the table's "
                "last change: check the writer's clock"
            )
        if metadata.format_version == 1:
            return update
        if snapshot.sequence_number is None:
            raise InvalidInput(f"snapshot {snapshot.snapshot_id} has no sequence number")
        if (
            snapshot.parent_snapshot_id is not None
            and snapshot.sequence_number <= metadata.last_sequence_number
        ):
            # A commit to another branch took the number. A refreshed writer gets the next one.
            raise CommitFailed(
                f"sequence number {snapshot.sequence_number} is not newer than the table's "
                f"{metadata.last_sequence_number}"
            )
        return update

    def _remove_snapshots(self, update: TableUpdate) -> TableUpdate | None:
        known = {snapshot.snapshot_id for snapshot in self.metadata.snapshots}
        there = [one for one in update.snapshot_ids if one in known]
        return RemoveSnapshotsUpdate(snapshot_ids=there) if there else None

    def _remove_properties(self, update: TableUpdate) -> TableUpdate | None:
        there = [key for key in dict.fromkeys(update.removals) if key in self.metadata.properties]
        return RemovePropertiesUpdate(removals=there) if there else None

    def _remove_schemas(self, update: TableUpdate) -> TableUpdate | None:
        known = {schema.schema_id for schema in self.metadata.schemas}
        there = [one for one in update.schema_ids if one in known]
        return RemoveSchemasUpdate(schema_ids=there) if there else None

    def _remove_specs(self, update: TableUpdate) -> TableUpdate | None:
        known = {spec.spec_id for spec in self.metadata.partition_specs}
        there = [one for one in update.spec_ids if one in known]
        return RemovePartitionSpecsUpdate(spec_ids=there) if there else None

    def _remove_statistics(self, update: TableUpdate) -> TableUpdate | None:
        known = {file.snapshot_id for file in self.metadata.statistics}
        return update if update.snapshot_id in known else None

    def _remove_partition_statistics(self, update: TableUpdate) -> TableUpdate | None:
        known = {file.snapshot_id for file in self.metadata.partition_statistics}
        return update if update.snapshot_id in known else None


class _Added:
    """Which ids the schemas (or specs, or orders) that one commit adds ended up with."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._actual: dict[int, int] = {}
        self._last: int | None = None

    def settle(self, asked: int, same: int | None, taken: dict[int, Any]) -> int:
        """The id of a new one: that of an equal one, the one asked for if free, or the next."""
        if same is not None:
            actual = same
        elif asked >= 0 and asked not in taken:
            actual = asked
        else:
            actual = max(taken) + 1
        self._actual[asked] = self._last = actual
        return actual

    def resolve(self, asked: int) -> int:
        """The id that is meant where a later update of the commit says ``asked``."""
        if asked != _LAST_ADDED:
            return self._actual.get(asked, asked)
        if self._last is None:
            raise InvalidInput(f"there is no last added {self._kind}: this commit adds none")
        return self._last


def _equal(one: Schema, other: Schema) -> bool:
    # Schema's own == says that no empty schema equals another.
    return bool(
        one.fields == other.fields
        and set(one.identifier_field_ids) == set(other.identifier_field_ids)
    )


def _nothing() -> TableMetadata:
    # Format 1 has every format below it; the commit itself upgrades to the one it wants.
    return TableMetadataV1.model_construct(last_column_id=-1, schema=Schema())
