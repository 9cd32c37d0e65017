"""pyiceberg's own REST client, unmodified, against a server process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    BadRequestError,
    CommitFailedException,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import BucketTransform, IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

ROWS = pa.table(
    {"id": pa.array([1, 2, 3], pa.int64()), "name": pa.array(["a", "b", "c"], pa.string())}
)


@pytest.fixture
def catalog(server: Any) -> Iterator[RestCatalog]:
    client = RestCatalog("unity", uri=server.iceberg_uri, warehouse="unity")
    yield client
    client.close()


@pytest.fixture
def s(catalog: RestCatalog, schema_name: str) -> str:
    """A new schema's name."""
    catalog.create_namespace(schema_name)
    return schema_name


def files_below(location: str) -> list[Path]:
    return [path for path in Path(urlsplit(location).path).rglob("*") if path.is_file()]


def test_rows_come_back(catalog: RestCatalog, s: str) -> None:
    table = catalog.create_table(f"{s}.t", schema=ROWS.schema)
    table.append(ROWS)
    table.append(ROWS)
    assert catalog.load_table(f"{s}.t").scan().to_arrow().num_rows == 6
    table.delete("id = 2")
    assert sorted(catalog.load_table(f"{s}.t").scan().to_arrow()["id"].to_pylist()) == [1, 1, 3, 3]
    table.overwrite(ROWS)
    assert catalog.load_table(f"{s}.t").scan().to_arrow().num_rows == 3


def test_a_table_is_made_and_filled_in_one_commit(catalog: RestCatalog, s: str) -> None:
    with catalog.create_table_transaction(f"{s}.t", schema=ROWS.schema) as transaction:
        transaction.append(ROWS)
        assert not catalog.table_exists(f"{s}.t")
    assert catalog.load_table(f"{s}.t").scan().to_arrow().num_rows == 3


def test_schema_spec_and_order_evolve(catalog: RestCatalog, s: str) -> None:
    schema = Schema(
        NestedField(1, "id", LongType(), required=False),
        NestedField(2, "name", StringType(), required=False),
    )
    by_name = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "name"))
    by_id = SortOrder(SortField(1, transform=IdentityTransform()))
    table = catalog.create_table(f"{s}.t", schema, partition_spec=by_name, sort_order=by_id)
    table.append(ROWS)
    with table.update_schema() as update:
        update.add_column("note", StringType())
        update.rename_column("name", "label")
    with table.update_spec() as update_spec:
        update_spec.remove_field("name")
        update_spec.add_field("id", BucketTransform(4))
    with table.transaction() as transaction:
        transaction.set_properties(owner="ann")
    loaded = catalog.load_table(f"{s}.t")
    assert loaded.schema().column_names == ["id", "label", "note"]
    assert [str(field.transform) for field in loaded.spec().fields] == ["bucket[4]"]
    assert loaded.properties["owner"] == "ann"
    assert loaded.scan(row_filter="label = 'b'").to_arrow()["id"].to_pylist() == [2]


def test_branches_and_tags(catalog: RestCatalog, s: str) -> None:
    table = catalog.create_table(f"{s}.t", schema=ROWS.schema)
    table.append(ROWS)
    first = table.current_snapshot()
    assert first is not None
    table.manage_snapshots().create_branch(first.snapshot_id, "audit").create_tag(
        first.snapshot_id, "v1"
    ).commit()
    table.append(ROWS, branch="audit")
    loaded = catalog.load_table(f"{s}.t")
    assert loaded.scan().to_arrow().num_rows == 3
    assert loaded.scan().use_ref("audit").to_arrow().num_rows == 6
    assert set(loaded.refs()) == {"main", "audit", "v1"}


def test_a_reader_of_refs_only_sees_all_snapshots_it_needs(catalog: RestCatalog, s: str) -> None:
    table = catalog.create_table(f"{s}.t", schema=ROWS.schema)
    table.append(ROWS)
    table.append(ROWS)
    catalog.properties["snapshot-loading-mode"] = "refs"
    loaded = catalog.load_table(f"{s}.t")
    assert len(loaded.metadata.snapshots) == 1
    assert loaded.scan().to_arrow().num_rows == 6


def test_a_stale_writer_is_told(catalog: RestCatalog, s: str) -> None:
    catalog.create_table(f"{s}.t", schema=ROWS.schema)
    stale = catalog.load_table(f"{s}.t")
    with catalog.load_table(f"{s}.t").update_schema() as update:
        update.add_column("note", StringType())
    with pytest.raises(CommitFailedException), stale.update_schema() as update:
        update.add_column("other", StringType())


def test_tables_are_renamed_dropped_and_registered(catalog: RestCatalog, s: str) -> None:
    z = f"{s}_z"
    catalog.create_namespace(z)
    table = catalog.create_table(f"{s}.t", schema=ROWS.schema)
    table.append(ROWS)
    moved = catalog.rename_table(f"{s}.t", f"{z}.u")
    assert moved.scan().to_arrow().num_rows == 3
    assert catalog.list_tables(s) == []
    assert catalog.list_tables(z) == [(z, "u")]
    location = moved.metadata_location
    catalog.drop_table(f"{z}.u")
    with pytest.raises(NoSuchTableError):
        catalog.load_table(f"{z}.u")
    again = catalog.register_table(f"{s}.again", location)
    assert again.scan().to_arrow().num_rows == 3
    with pytest.raises(TableAlreadyExistsError):
        catalog.register_table(f"{s}.again", location)


def test_purging_removes_every_file(catalog: RestCatalog, s: str) -> None:
    table = catalog.create_table(f"{s}.t", schema=ROWS.schema)
    for _ in range(3):
        table.append(ROWS)
    table.delete("id = 2")
    assert len(files_below(table.location())) > 10
    catalog.purge_table(f"{s}.t")
    assert files_below(table.location()) == []
    assert not catalog.table_exists(f"{s}.t")


def test_purging_spares_data_that_others_may_share(catalog: RestCatalog, s: str) -> None:
    table = catalog.create_table(f"{s}.t", schema=ROWS.schema, properties={"gc.enabled": "false"})
    table.append(ROWS)
    catalog.purge_table(f"{s}.t")
    assert [path.suffix for path in files_below(table.location())] == [".parquet"]


def test_schemas(catalog: RestCatalog, s: str) -> None:
    z = f"{s}_z"
    catalog.create_namespace(z, {"owner": "ann"})
    assert {(s,), (z,)} <= set(catalog.list_namespaces())
    summary = catalog.update_namespace_properties(z, {"owner", "x"}, {"team": "data"})
    assert (summary.removed, summary.updated, summary.missing) == (["owner"], ["team"], ["x"])
    assert catalog.load_namespace_properties(z) == {"team": "data"}
    catalog.create_table(f"{z}.t", schema=ROWS.schema)
    with pytest.raises(NamespaceNotEmptyError):
        catalog.drop_namespace(z)
    catalog.drop_table(f"{z}.t")
    catalog.drop_namespace(z)
    assert not catalog.namespace_exists(z)
    with pytest.raises(NoSuchNamespaceError):
        catalog.create_table(f"{z}.t", schema=ROWS.schema)
    with pytest.raises(BadRequestError, match="one level"):
        catalog.create_namespace((s, "deep"))
    assert not catalog.view_exists(f"{s}.v")
