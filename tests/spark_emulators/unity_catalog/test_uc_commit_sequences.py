"""Random commits, one after the other, against a model that is a few dictionaries."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pyiceberg.schema import Schema
from pyiceberg.table.update import TableUpdate

from spark_emulators.unity_catalog.iceberg.commits import apply
from spark_emulators.unity_catalog.iceberg.metadata import dump, new_table, parse
from spark_platform.kernel.errors import InvalidInput

UPDATE: TypeAdapter[Any] = TypeAdapter(TableUpdate)
KEYS = st.sampled_from("abc")
BRANCHES = st.sampled_from(["main", "x", "y"])
COLUMNS = st.sets(st.integers(2, 4)).map(sorted)

STEPS = st.one_of(
    st.tuples(st.just("set"), st.dictionaries(KEYS, KEYS)),
    st.tuples(st.just("unset"), st.lists(KEYS)),
    st.tuples(st.just("schema"), COLUMNS),
    st.tuples(st.just("append"), BRANCHES),
    st.tuples(st.just("unref"), BRANCHES),
    st.tuples(st.just("expire"), st.integers(1, 6)),
)


def schema(columns: list[int]) -> dict[str, Any]:
    fields = [{"id": 1, "name": "id", "required": True, "type": "long"}]
    fields += [
        {"id": number, "name": f"c{number}", "required": False, "type": "string"}
        for number in columns
    ]
    return {"type": "struct", "schema-id": 0, "fields": fields}


class Model:
    """What a table should be."""

    def __init__(self) -> None:
        self.properties: dict[str, str] = {}
        self.columns: list[int] = []
        self.refs: dict[str, int] = {}
        self.snapshots: set[int] = set()
        self.appended = 0

    def take(self, kind: str, argument: Any, at_ms: int) -> list[dict[str, Any]]:
        """Do a step, and return the updates that ask the catalog for the same."""
        if kind == "set":
            self.properties.update(argument)
            return [{"action": "set-properties", "updates": argument}]
        if kind == "unset":
            self.properties = {k: v for k, v in self.properties.items() if k not in argument}
            return [{"action": "remove-properties", "removals": argument}]
        if kind == "schema":
            self.columns = argument
            return [
                {"action": "add-schema", "schema": schema(argument)},
                {"action": "set-current-schema", "schema-id": -1},
            ]
        if kind == "append":
            return self._append(argument, at_ms)
        if kind == "unref":
            self.refs.pop(argument, None)
            return [{"action": "remove-snapshot-ref", "ref-name": argument}]
        self.snapshots.discard(argument)
        self.refs = {name: number for name, number in self.refs.items() if number != argument}
        return [{"action": "remove-snapshots", "snapshot-ids": [argument]}]

    def _append(self, branch: str, at_ms: int) -> list[dict[str, Any]]:
        self.appended += 1
        number, parent = self.appended, self.refs.get(branch)
        self.snapshots.add(number)
        self.refs[branch] = number
        snapshot = {
            "snapshot-id": number,
            "sequence-number": number,
            "timestamp-ms": at_ms,
            "manifest-list": f"file:///t/{number}.avro",
            "summary": {"operation": "append"},
        }
        if parent is not None:
            snapshot["parent-snapshot-id"] = parent
        return [
            {"action": "add-snapshot", "snapshot": snapshot},
            {
                "action": "set-snapshot-ref",
                "ref-name": branch,
                "type": "branch",
                "snapshot-id": number,
            },
        ]


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=12), st.sampled_from(["1", "2"]))
def test_any_sequence_of_commits_leads_where_the_model_says(
    steps: list[tuple[str, Any]], format_version: str
) -> None:
    metadata = new_table(
        Schema.model_validate(schema([])),
        None,
        None,
        "file:///t",
        {"format-version": format_version},
    )
    model = Model()
    for kind, argument in steps:
        updates = model.take(kind, argument, metadata.last_updated_ms)
        parsed = [UPDATE.validate_python(update) for update in updates]
        metadata = apply(metadata, [], parsed, base_location="file:///t/before.metadata.json")
        assert metadata.properties == model.properties
        assert [field.field_id for field in metadata.schema().fields] == [1, *model.columns]
        assert {one.snapshot_id for one in metadata.snapshots} == model.snapshots
        assert {name: one.snapshot_id for name, one in metadata.refs.items()} == model.refs
        assert metadata.current_snapshot_id == model.refs.get("main")
        assert len({one.schema_id for one in metadata.schemas}) == len(metadata.schemas)
        assert parse(dump(metadata)) == metadata


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["format-version", "schemas", "location"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_json_makes_the_metadata_reader_fail_in_an_unforeseen_way(value: Any) -> None:
    try:
        parse(json.dumps(value))
    except InvalidInput:
        pass
    else:
        raise AssertionError("nothing this small is table metadata")
