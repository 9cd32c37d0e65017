"""A commit as a pure function: base metadata, requirements and updates in; new metadata out."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import (
    AssertCreate,
    AssertRefSnapshotId,
    TableRequirement,
    TableUpdate,
    _update_table_metadata_log,
)

from spark_emulators.unity_catalog.iceberg.builder import Builder
from spark_emulators.unity_catalog.iceberg.metadata import as_input_errors, dump, parse

__all__ = ["apply", "creates_table"]


def creates_table(requirements: Sequence[TableRequirement]) -> bool:
    """Whether a commit with these requirements is about a table that must not exist yet."""
    return any(isinstance(requirement, AssertCreate) for requirement in requirements)


def apply(
    base: TableMetadata | None,
    requirements: Sequence[TableRequirement],
    updates: Sequence[TableUpdate],
    *,
    base_location: str | None = None,
) -> TableMetadata:
    """Check the requirements, then apply all updates in order.

    Args:
        base: the table's current metadata; None where there is no table.
        base_location: the file ``base`` is in; it joins the new metadata's log.

    Returns:
        The new metadata, or ``base`` itself where nothing changed.

    Raises:
        CommitFailed: a requirement does not hold.
        InvalidInput: the updates cannot be applied.
        Unsupported: they ask for a table format that cannot be written here.
    """
    with as_input_errors("cannot commit"):
        for requirement in requirements:
            _require(requirement, base)
        builder = Builder(base)
        for update in updates:
            builder.apply(update)
        new = builder.metadata
        if base is not None and new == base:
            return base
        return _finished(new, base, base_location)


def _require(requirement: TableRequirement, base: TableMetadata | None) -> None:
    if (
        base is not None
        and isinstance(requirement, AssertRefSnapshotId)
        and requirement.snapshot_id is None
        and requirement.ref not in base.refs
    ):
        # Holds. pyiceberg refuses a first branch other than main; Java and the table format do not.
        return
    requirement.validate(base)


def _finished(
    new: TableMetadata, base: TableMetadata | None, base_location: str | None
) -> TableMetadata:
    now_ms = time.time_ns() // 1_000_000
    if base is not None:
        if base_location is not None:
            new = _update_table_metadata_log(new, base_location, base.last_updated_ms)
        if new.last_updated_ms == base.last_updated_ms:
            new = new.model_copy(update={"last_updated_ms": now_ms})
        # A writer's slow clock must not turn the log around: readers refuse such a table.
        latest_ms = max(new.last_updated_ms, base.last_updated_ms)
        new = new.model_copy(update={"last_updated_ms": latest_ms})
    new.spec().check_compatible(new.schema())
    new.sort_order().check_compatible(new.schema())
    if new.format_version == 1:
        # The deprecated single schema and spec, for readers that know no others.
        fields = [field.model_dump() for field in new.spec().fields]
        new = new.model_copy(update={"schema_": new.schema(), "partition_spec": fields})
    # Updates bypass the models' own checks, so the result goes through them as a whole.
    return parse(dump(new))
