"""Reading and writing table metadata: nothing unknown is lost in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from spark_emulators.unity_catalog.iceberg.metadata import dump, new_table, parse
from spark_platform.kernel.errors import InvalidInput

FIRST = {
    "type": "struct",
    "schema-id": 0,
    "fields": [{"id": 1, "name": "id", "required": True, "type": "long"}],
}


@pytest.fixture
def table() -> TableMetadata:
    return new_table(Schema.model_validate(FIRST), None, None, "file:///t", {"owner": "ann"})


@pytest.mark.parametrize(
    "change",
    [
        {"encryption-keys": [{"key-id": "k"}]},
        {"partition-specs": [{"spec-id": 0, "fields": [], "colour": "red"}]},
    ],
)
def test_metadata_that_could_not_be_kept_is_not_taken_up(
    table: TableMetadata, change: dict[str, Any]
) -> None:
    raw = json.loads(dump(table))
    with pytest.raises(InvalidInput, match="cannot keep"):
        parse(json.dumps({**raw, **change}))


def test_metadata_of_older_writers_is_taken_up(table: TableMetadata) -> None:
    raw = json.loads(dump(table))
    assert parse(json.dumps({**raw, "current-snapshot-id": -1, "refs": {}})) == table


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format-version": 2}', "[" * 100_000])
def test_what_is_no_metadata_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse(text)


def test_a_file_that_is_no_metadata_is_not_quoted() -> None:
    with pytest.raises(InvalidInput, match="location: Field required") as caught:
        parse('{"format-version": 2, "last-column-id": "swordfish"}')
    assert "swordfish" not in str(caught.value)


def test_a_partition_spec_must_fit_its_schema() -> None:
    spec = PartitionSpec.model_validate(
        {"fields": [{"source-id": 5, "field-id": 1000, "transform": "day", "name": "d"}]}
    )
    with pytest.raises(InvalidInput):
        new_table(Schema.model_validate(FIRST), spec, None, "file:///t", {})
