"""Files: naming, compression, caching, and what a purge does when some cannot be had."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.iceberg.metadata import dump, new_table
from spark_emulators.unity_catalog.iceberg.purge import purge
from spark_emulators.unity_catalog.iceberg.storage import Storage, TableVersion
from spark_emulators.unity_catalog.locations import Locations
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.settings import Settings
from spark_emulators.unity_catalog.store.database import open_database
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import InvalidInput, Transient

ID = {"id": 1, "name": "id", "required": True, "type": "long"}
SECRET = "swordfish-0123456789"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage({"s3.secret-access-key": SECRET}, Locations([f"file://{tmp_path}"]))


@pytest.fixture
def metadata(tmp_path: Path) -> TableMetadata:
    schema = Schema.model_validate({"type": "struct", "fields": [ID]})
    return new_table(schema, None, None, f"file://{tmp_path}/warehouse/t", {})


@pytest.mark.parametrize(
    ("previous", "number"),
    [
        (None, "00000-"),
        ("file:///t/00004-5d1f.metadata.json", "00005-"),
        ("file:///t/00004-5d1f.gz.metadata.json", "00005-"),
        ("file:///t/v12.metadata.json", "00013-"),
        ("file:///t/snapshot.metadata.json", "00000-"),
    ],
)
def test_files_are_numbered(
    storage: Storage, metadata: TableMetadata, previous: str | None, number: str
) -> None:
    written = storage.write_next(metadata, previous)
    assert written.location is not None
    assert written.location.startswith(f"{metadata.location}/metadata/{number}")
    assert Storage({}, storage.allowed).read(written.location) == written


def test_a_table_may_keep_its_metadata_elsewhere(
    storage: Storage, metadata: TableMetadata, tmp_path: Path
) -> None:
    elsewhere = {"write.metadata.path": f"file://{tmp_path}/elsewhere/"}
    moved = metadata.model_copy(update={"properties": elsewhere})
    written = storage.write_next(moved, None)
    assert written.location is not None
    assert written.location.startswith(f"file://{tmp_path}/elsewhere/00000-")


@pytest.mark.parametrize("suffix", [".gz.metadata.json", ".metadata.json.gz"])
def test_compressed_metadata_is_read(
    storage: Storage, metadata: TableMetadata, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"00000-a{suffix}"
    file.write_bytes(gzip.compress(dump(metadata).encode()))
    assert storage.read(f"file://{file}").metadata == metadata


def test_a_file_is_read_once(storage: Storage, metadata: TableMetadata) -> None:
    location = storage.write_next(metadata, None).location
    assert location is not None
    assert storage.read(location).metadata is metadata


def test_what_cannot_be_read_is_told_apart(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        storage.read(f"file://{tmp_path}/none.metadata.json")
    with pytest.raises(Transient, match="cannot read"):
        storage.read(f"file://{tmp_path}")


def test_an_error_does_not_tell_secrets(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        storage.read(f"file://{tmp_path}/{SECRET[:4]}/none")
    assert SECRET not in str(caught.value)
    with pytest.raises(InvalidInput, match=r"\*\*\*"), storage._translated("read", "x"):
        raise FileNotFoundError(f"refused key {SECRET}")


def test_a_purge_goes_on_where_files_are_missing(
    storage: Storage, metadata: TableMetadata, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = {
        "snapshot-id": 1,
        "sequence-number": 1,
        "timestamp-ms": metadata.last_updated_ms,
        "manifest-list": f"file://{tmp_path}/gone.avro",
    }
    raw = metadata.model_dump(mode="json")
    broken = type(metadata).model_validate(
        {**raw, "snapshots": [snapshot], "current-snapshot-id": 1, "last-sequence-number": 1}
    )
    written = storage.write_next(broken, None)
    with caplog.at_level(logging.WARNING):
        purge(storage, written)
    assert "gone.avro" in caplog.text
    assert list((tmp_path / "warehouse" / "t" / "metadata").iterdir()) == []


def test_a_table_whose_metadata_is_damaged_can_still_be_dropped(
    config: dict[str, Any], storage: Storage, metadata: TableMetadata
) -> None:
    version: TableVersion = storage.write_next(metadata, None)
    assert version.location is not None
    settings = Settings.model_validate(config)
    engine = open_database(settings.database)
    securables = Securables(engine)
    domain = Domain.build(settings, engine, securables)
    table = TableName("unity", "s", "t")
    domain.namespaces.create("unity", ["s"], {})
    domain.tables.register(table, version.location, overwrite=False)
    Path(version.location.removeprefix("file://")).write_text("damaged")
    tables = Domain.build(settings, engine, securables).tables
    with pytest.raises(InvalidInput):
        tables.load(table)
    tables.drop(table, with_files=True)
    assert not tables.exists(table)
    engine.dispose()
