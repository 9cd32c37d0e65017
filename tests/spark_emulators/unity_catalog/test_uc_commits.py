"""What a commit makes of a table's metadata, without any server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableRequirement, TableUpdate

from spark_emulators.unity_catalog.errors import CommitFailed, Unsupported
from spark_emulators.unity_catalog.iceberg.commits import apply
from spark_emulators.unity_catalog.iceberg.metadata import dump, new_table, parse, refs_only
from spark_platform.kernel.errors import InvalidInput

UPDATES: TypeAdapter[Any] = TypeAdapter(tuple[TableUpdate, ...])
REQUIREMENTS: TypeAdapter[Any] = TypeAdapter(tuple[TableRequirement, ...])

ID = {"id": 1, "name": "id", "required": True, "type": "long"}
NAME = {"id": 2, "name": "name", "required": False, "type": "string"}
FIRST = {"type": "struct", "schema-id": 0, "fields": [ID]}
SECOND = {"type": "struct", "schema-id": 1, "fields": [ID, NAME]}
BY_ID = {
    "spec-id": 1,
    "fields": [{"source-id": 1, "field-id": 1000, "transform": "bucket[4]", "name": "id_bucket"}],
}
ORDER = {
    "order-id": 1,
    "fields": [
        {"source-id": 1, "transform": "identity", "direction": "asc", "null-order": "nulls-first"}
    ],
}


def commit(
    base: TableMetadata | None,
    updates: Sequence[dict[str, Any]],
    requirements: Sequence[dict[str, Any]] = (),
) -> TableMetadata:
    return apply(
        base,
        REQUIREMENTS.validate_python(requirements),
        UPDATES.validate_python(updates),
        base_location="file:///t/metadata/00000-a.metadata.json",
    )


def snapshot(
    number: int, *, sequence: int, parent: int | None = None, at_ms: int
) -> dict[str, Any]:
    return {
        "action": "add-snapshot",
        "snapshot": {
            "snapshot-id": number,
            "sequence-number": sequence,
            "timestamp-ms": at_ms,
            "manifest-list": f"file:///t/metadata/snap-{number}.avro",
            "summary": {"operation": "append", "added-records": "1"},
            "schema-id": 0,
            **({} if parent is None else {"parent-snapshot-id": parent}),
        },
    }


def ref(name: str, number: int, kind: str = "branch") -> dict[str, Any]:
    return {"action": "set-snapshot-ref", "ref-name": name, "type": kind, "snapshot-id": number}


@pytest.fixture
def table() -> TableMetadata:
    return new_table(Schema.model_validate(FIRST), None, None, "file:///t", {"owner": "ann"})


@pytest.fixture
def filled(table: TableMetadata) -> TableMetadata:
    at_ms = table.last_updated_ms
    return commit(table, [snapshot(7, sequence=1, at_ms=at_ms), ref("main", 7)])


def creation(format_version: int = 2) -> list[dict[str, Any]]:
    return [
        {"action": "assign-uuid", "uuid": "11111111-1111-1111-1111-111111111111"},
        {"action": "upgrade-format-version", "format-version": format_version},
        {"action": "add-schema", "schema": FIRST, "last-column-id": 1},
        {"action": "set-current-schema", "schema-id": -1},
        {"action": "add-spec", "spec": {"spec-id": 0, "fields": []}},
        {"action": "set-default-spec", "spec-id": -1},
        {"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}},
        {"action": "set-default-sort-order", "sort-order-id": -1},
        {"action": "set-location", "location": "file:///t/"},
        {"action": "set-properties", "updates": {"owner": "ann"}},
    ]


@pytest.mark.parametrize("format_version", [1, 2])
def test_a_table_is_made_from_nothing_the_way_java_does(format_version: int) -> None:
    made = commit(None, creation(format_version), [{"type": "assert-create"}])
    assert made.format_version == format_version
    assert str(made.table_uuid) == "11111111-1111-1111-1111-111111111111"
    assert made.location == "file:///t"
    assert made.last_column_id == 1
    assert made.metadata_log == []
    assert parse(dump(made)) == made


def test_format_1_keeps_its_deprecated_fields_true() -> None:
    made = commit(None, creation(1), [{"type": "assert-create"}])
    grown = commit(
        made,
        [
            {"action": "add-schema", "schema": SECOND},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "add-spec", "spec": BY_ID},
            {"action": "set-default-spec", "spec-id": -1},
        ],
    )
    raw = json.loads(dump(grown))
    assert len(raw["schema"]["fields"]) == 2
    assert [field["name"] for field in raw["partition-spec"]] == ["id_bucket"]


@pytest.mark.parametrize("missing", range(2, 9))
def test_a_creation_that_lacks_a_part_is_refused_or_whole(missing: int) -> None:
    updates = creation()
    del updates[missing]
    try:
        made = commit(None, updates, [{"type": "assert-create"}])
    except InvalidInput:
        return
    assert parse(dump(made)) == made


def test_a_commit_leaves_a_trace_of_the_file_before(table: TableMetadata) -> None:
    changed = commit(table, [{"action": "set-properties", "updates": {"a": "1"}}])
    assert [entry.metadata_file for entry in changed.metadata_log] == [
        "file:///t/metadata/00000-a.metadata.json"
    ]
    assert changed.last_updated_ms >= table.last_updated_ms


@pytest.mark.parametrize(
    "updates",
    [
        [],
        [{"action": "set-properties", "updates": {"owner": "ann"}}],
        [{"action": "set-location", "location": "file:///t"}],
        [{"action": "remove-properties", "removals": ["nobody", "nothing"]}],
        [{"action": "remove-snapshots", "snapshot-ids": [1]}],
        [{"action": "remove-snapshot-ref", "ref-name": "b"}],
        [{"action": "remove-statistics", "snapshot-id": 1}],
        [{"action": "remove-partition-statistics", "snapshot-id": 1}],
        [{"action": "remove-schemas", "schema-ids": [9]}],
        [{"action": "remove-partition-specs", "spec-ids": [9]}],
        [{"action": "upgrade-format-version", "format-version": 2}],
        [
            {"action": "add-schema", "schema": FIRST},
            {"action": "set-current-schema", "schema-id": -1},
        ],
    ],
)
def test_a_commit_that_changes_nothing_is_the_base_itself(
    table: TableMetadata, updates: list[dict[str, Any]]
) -> None:
    assert commit(table, updates) is table


def test_create_or_replace_with_an_older_schema_makes_that_one_current(
    table: TableMetadata,
) -> None:
    grown = commit(
        table,
        [
            {"action": "add-schema", "schema": SECOND},
            {"action": "set-current-schema", "schema-id": -1},
        ],
    )
    assert grown.current_schema_id == 1
    replaced = commit(
        grown,
        [
            {"action": "add-schema", "schema": {**FIRST, "schema-id": 2}},
            {"action": "set-current-schema", "schema-id": -1},
        ],
    )
    assert replaced.current_schema_id == 0
    assert [schema.schema_id for schema in replaced.schemas] == [0, 1]


def test_a_table_without_columns_is_replaced_by_itself() -> None:
    empty = {"type": "struct", "schema-id": 0, "fields": []}
    table = new_table(Schema.model_validate(empty), None, None, "file:///t", {})
    assert commit(table, [{"action": "add-schema", "schema": empty}]) is table


def test_a_schema_whose_id_is_taken_gets_the_next_one(table: TableMetadata) -> None:
    changed = commit(
        table,
        [
            {"action": "add-schema", "schema": {**SECOND, "schema-id": 0}},
            {"action": "set-current-schema", "schema-id": 0},
        ],
    )
    assert changed.current_schema_id == 1
    assert len(changed.schema().fields) == 2


def test_specs_and_orders_are_used_again_as_well(table: TableMetadata) -> None:
    once = commit(
        table,
        [
            {"action": "add-spec", "spec": BY_ID},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "add-sort-order", "sort-order": ORDER},
            {"action": "set-default-sort-order", "sort-order-id": -1},
        ],
    )
    assert (once.default_spec_id, once.default_sort_order_id) == (1, 1)
    assert once.last_partition_id == 1000
    back = commit(
        once,
        [
            {"action": "add-spec", "spec": {"spec-id": 2, "fields": []}},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "add-sort-order", "sort-order": {"order-id": 2, "fields": []}},
            {"action": "set-default-sort-order", "sort-order-id": -1},
        ],
    )
    assert (back.default_spec_id, back.default_sort_order_id) == (0, 0)
    assert (len(back.partition_specs), len(back.sort_orders)) == (2, 2)


@pytest.mark.parametrize(
    ("action", "key"),
    [
        ("set-current-schema", "schema-id"),
        ("set-default-spec", "spec-id"),
        ("set-default-sort-order", "sort-order-id"),
    ],
)
@pytest.mark.parametrize("number", [-1, 99])
def test_what_is_not_there_cannot_be_made_current(
    table: TableMetadata, action: str, key: str, number: int
) -> None:
    with pytest.raises(InvalidInput):
        commit(table, [{"action": action, key: number}])


@pytest.mark.parametrize(
    "updates",
    [
        [ref("main", 404)],
        [{"action": "set-location", "location": "relative/path"}],
        [{"action": "assign-uuid", "uuid": "22222222-2222-2222-2222-222222222222"}],
        [{"action": "upgrade-format-version", "format-version": 1}],
        [{"action": "remove-schemas", "schema-ids": [0]}],
        [{"action": "remove-partition-specs", "spec-ids": [0]}],
        [
            {
                "action": "add-spec",
                "spec": {
                    "spec-id": 1,
                    "fields": [{"source-id": 9, "field-id": 1000, "transform": "day", "name": "x"}],
                },
            },
            {"action": "set-default-spec", "spec-id": -1},
        ],
        [
            {
                "action": "add-schema",
                "schema": {
                    "type": "struct",
                    "schema-id": 1,
                    "fields": [
                        {"id": 1, "name": "id", "required": True, "type": "long"},
                        {"id": 2, "name": "n", "required": False, "type": "timestamp_ns"},
                    ],
                },
            }
        ],
    ],
)
def test_updates_that_make_no_sense_are_the_writers_fault(
    table: TableMetadata, updates: list[dict[str, Any]]
) -> None:
    with pytest.raises(InvalidInput):
        commit(table, updates)


def test_format_3_is_refused_by_name(table: TableMetadata) -> None:
    with pytest.raises(Unsupported, match="version 3"):
        commit(table, [{"action": "upgrade-format-version", "format-version": 3}])


@pytest.mark.parametrize(
    "requirement",
    [
        {"type": "assert-create"},
        {"type": "assert-table-uuid", "uuid": "33333333-3333-3333-3333-333333333333"},
        {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None},
        {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 8},
        {"type": "assert-ref-snapshot-id", "ref": "b", "snapshot-id": 7},
        {"type": "assert-last-assigned-field-id", "last-assigned-field-id": 5},
        {"type": "assert-current-schema-id", "current-schema-id": 5},
        {"type": "assert-last-assigned-partition-id", "last-assigned-partition-id": 5},
        {"type": "assert-default-spec-id", "default-spec-id": 5},
        {"type": "assert-default-sort-order-id", "default-sort-order-id": 5},
    ],
)
def test_a_requirement_that_does_not_hold_fails_the_commit(
    filled: TableMetadata, requirement: dict[str, Any]
) -> None:
    with pytest.raises(CommitFailed):
        commit(filled, [{"action": "set-properties", "updates": {"a": "1"}}], [requirement])


def test_requirements_that_hold_let_it_pass(filled: TableMetadata) -> None:
    changed = commit(
        filled,
        [{"action": "set-properties", "updates": {"a": "1"}}],
        [
            {"type": "assert-table-uuid", "uuid": str(filled.table_uuid)},
            {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 7},
            {"type": "assert-ref-snapshot-id", "ref": "new", "snapshot-id": None},
            {"type": "assert-last-assigned-field-id", "last-assigned-field-id": 1},
            {"type": "assert-current-schema-id", "current-schema-id": 0},
            {"type": "assert-last-assigned-partition-id", "last-assigned-partition-id": 999},
            {"type": "assert-default-spec-id", "default-spec-id": 0},
            {"type": "assert-default-sort-order-id", "default-sort-order-id": 0},
        ],
    )
    assert changed.properties == {"owner": "ann", "a": "1"}


def test_the_first_snapshot_may_go_to_a_branch(table: TableMetadata) -> None:
    changed = commit(
        table,
        [snapshot(7, sequence=1, at_ms=table.last_updated_ms), ref("audit", 7)],
        [{"type": "assert-ref-snapshot-id", "ref": "audit", "snapshot-id": None}],
    )
    assert changed.current_snapshot_id is None
    assert changed.refs["audit"].snapshot_id == 7


def test_a_sequence_number_that_another_branch_took_asks_for_a_retry(
    filled: TableMetadata,
) -> None:
    at_ms = filled.last_updated_ms
    with pytest.raises(CommitFailed, match="sequence number"):
        commit(filled, [snapshot(8, sequence=1, parent=7, at_ms=at_ms), ref("audit", 8)])


def test_a_snapshot_from_the_past_is_refused_but_a_slow_clock_is_not(
    filled: TableMetadata,
) -> None:
    late_ms = filled.last_updated_ms - 61_000
    with pytest.raises(InvalidInput, match="clock"):
        commit(filled, [snapshot(8, sequence=2, parent=7, at_ms=late_ms)])
    slow_ms = filled.last_updated_ms - 1_000
    slow = commit(filled, [snapshot(8, sequence=2, parent=7, at_ms=slow_ms), ref("main", 8)])
    assert slow.last_updated_ms >= filled.last_updated_ms


def test_replacing_a_table_clears_main_and_its_history(filled: TableMetadata) -> None:
    replaced = commit(filled, [{"action": "remove-snapshot-ref", "ref-name": "main"}])
    assert replaced.current_snapshot_id is None
    assert replaced.snapshot_log == []
    assert [one.snapshot_id for one in replaced.snapshots] == [7]


def test_expired_snapshots_take_their_refs_along(filled: TableMetadata) -> None:
    two = commit(
        filled,
        [
            snapshot(8, sequence=2, parent=7, at_ms=filled.last_updated_ms),
            ref("main", 8),
            ref("old", 7, "tag"),
        ],
    )
    one = commit(two, [{"action": "remove-snapshots", "snapshot-ids": [7, 404]}])
    assert [left.snapshot_id for left in one.snapshots] == [8]
    assert set(one.refs) == {"main"}


def test_refs_only_keeps_what_branches_and_tags_point_to(filled: TableMetadata) -> None:
    two = commit(
        filled,
        [snapshot(8, sequence=2, parent=7, at_ms=filled.last_updated_ms), ref("main", 8)],
    )
    assert [one.snapshot_id for one in refs_only(two).snapshots] == [8]
    assert [one.snapshot_id for one in two.snapshots] == [7, 8]
