"""The catalog leaves alone what is outside its storage roots, whatever a client asks for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.rest import RestCatalog

TABLES = "namespaces/s/tables"

OUTSIDE = [
    "file://{}/private/x",
    "{}/private/x",
    "file://{}/warehouse/../private/x",
    "file://{}/warehouse/link/x",
    "file://private/x",
    "s3://unity/x",
]


def refused(answer: httpx.Response) -> bool:
    error = answer.json()["error"]
    return (answer.status_code, error["type"]) == (400, "BadRequestException")


def file_of(location: str) -> Path:
    return Path(urlsplit(location).path)


def add_snapshot(manifest_list: str, at_ms: int) -> dict[str, Any]:
    snapshot = {
        "snapshot-id": 1,
        "sequence-number": 1,
        "timestamp-ms": at_ms,
        "manifest-list": manifest_list,
        "summary": {"operation": "append"},
    }
    return {"action": "add-snapshot", "snapshot": snapshot}


def set_property(key: str) -> Callable[[str], dict[str, Any]]:
    return lambda location: {"action": "set-properties", "updates": {key: location}}


UPDATES: dict[str, Callable[[str], dict[str, Any]]] = {
    "location": lambda location: {"action": "set-location", "location": location},
    "manifest list": lambda location: add_snapshot(location, 4_000_000_000_000),
    "statistics": lambda location: {
        "action": "set-statistics",
        "snapshot-id": 1,
        "statistics": {
            "snapshot-id": 1,
            "statistics-path": location,
            "file-size-in-bytes": 1,
            "file-footer-size-in-bytes": 1,
            "blob-metadata": [],
        },
    },
    "partition statistics": lambda location: {
        "action": "set-partition-statistics",
        "partition-statistics": {
            "snapshot-id": 1,
            "statistics-path": location,
            "file-size-in-bytes": 1,
        },
    },
    "metadata folder": set_property("write.metadata.path"),
    "data folder": set_property("write.data.path"),
}


class Private:
    """A folder that is none of the catalog's business, though its warehouse has a link there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "private"
        self.folder.mkdir()
        (self.folder / "x").write_text("precious")
        (folder / "warehouse").mkdir()
        (folder / "warehouse" / "link").symlink_to(self.folder)

    def is_untouched(self) -> bool:
        return [path.name for path in self.folder.iterdir()] == ["x"] and (
            self.folder / "x"
        ).read_text() == "precious"


@pytest.fixture
def private(tmp_path: Path) -> Private:
    return Private(tmp_path)


@pytest.mark.parametrize("location", OUTSIDE)
@pytest.mark.parametrize("staged", [False, True])
def test_no_table_is_made_outside(
    http: Any, make: Any, private: Private, tmp_path: Path, location: str, staged: bool
) -> None:
    schema = make.table("t")["metadata"]["schemas"][0]
    outside = location.format(tmp_path)
    body = {"name": "u", "schema": schema, "stage-create": staged}
    assert refused(http.post(TABLES, json={**body, "location": outside}))
    for key in ("write.metadata.path", "write.data.path"):
        assert refused(http.post(TABLES, json={**body, "properties": {key: outside}}))
    elsewhere = {"removals": [], "updates": {"location": outside}}
    moved = http.post("namespaces/s/properties", json=elsewhere)
    # what is no place at all is refused here, what is not the catalog's when it is used
    assert refused(http.post(TABLES, json=body) if moved.is_success else moved)
    assert http.head(f"{TABLES}/u").status_code == 404
    assert private.is_untouched()


@pytest.mark.parametrize("location", OUTSIDE)
@pytest.mark.parametrize("what", UPDATES)
def test_no_commit_leads_a_table_outside(
    http: Any, make: Any, private: Private, tmp_path: Path, location: str, what: str
) -> None:
    made = make.table("t")
    files = set(file_of(made["metadata-location"]).parent.iterdir())
    update = UPDATES[what](location.format(tmp_path))
    assert refused(http.post(f"{TABLES}/t", json={"requirements": [], "updates": [update]}))
    change = {
        "identifier": {"namespace": ["s"], "name": "t"},
        "requirements": [],
        "updates": [update],
    }
    assert refused(http.post("transactions/commit", json={"table-changes": [change]}))
    assert http.get(f"{TABLES}/t").json() == made
    assert set(file_of(made["metadata-location"]).parent.iterdir()) == files
    assert private.is_untouched()


@pytest.mark.parametrize("what", UPDATES)
def test_the_same_commit_within_is_taken(http: Any, make: Any, what: str) -> None:
    made = make.table("t")
    update = UPDATES[what](f"{made['metadata']['location']}/x")
    answer = http.post(f"{TABLES}/t", json={"requirements": [], "updates": [update]})
    assert answer.status_code == 200, answer.text


def test_a_staged_tables_first_commit_cannot_lead_it_outside(
    http: Any, make: Any, private: Private
) -> None:
    schema = make.table("t")["metadata"]["schemas"][0]
    staged = http.post(TABLES, json={"name": "u", "schema": schema, "stage-create": True}).json()
    creation = {
        "requirements": [{"type": "assert-create"}],
        "updates": [
            {"action": "assign-uuid", "uuid": staged["metadata"]["table-uuid"]},
            {"action": "upgrade-format-version", "format-version": 2},
            {"action": "add-schema", "schema": schema},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "add-spec", "spec": staged["metadata"]["partition-specs"][0]},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "add-sort-order", "sort-order": staged["metadata"]["sort-orders"][0]},
            {"action": "set-default-sort-order", "sort-order-id": -1},
            {"action": "set-location", "location": f"file://{private.folder}"},
        ],
    }
    assert refused(http.post(f"{TABLES}/u", json=creation))
    assert http.head(f"{TABLES}/u").status_code == 404
    assert private.is_untouched()


@pytest.mark.parametrize("location", OUTSIDE)
def test_no_file_outside_is_registered(
    http: Any, make: Any, private: Private, tmp_path: Path, location: str
) -> None:
    # a metadata file as good as any, but for its place
    made = file_of(make.table("t")["metadata-location"])
    shutil.copy(made, private.folder / "x")
    body = {"name": "u", "metadata-location": location.format(tmp_path)}
    for overwrite in (False, True):
        answer = http.post("namespaces/s/register", json={**body, "overwrite": overwrite})
        assert refused(answer)
        assert "is outside this catalog's storage" in answer.text
    assert http.head(f"{TABLES}/u").status_code == 404


@pytest.mark.parametrize("location", OUTSIDE)
def test_a_file_that_names_files_outside_is_not_registered(
    http: Any, make: Any, private: Private, tmp_path: Path, location: str
) -> None:
    outside = location.format(tmp_path)
    made = file_of(make.table("t")["metadata-location"])
    metadata = json.loads(made.read_text())
    forged = made.with_name("00001-forged.metadata.json")
    for change in (
        {"location": outside},
        {"properties": {"write.metadata.path": outside}},
        {"metadata-log": [{"timestamp-ms": 1, "metadata-file": outside}]},
        {"snapshots": [add_snapshot(outside, metadata["last-updated-ms"])["snapshot"]]},
    ):
        forged.write_text(json.dumps({**metadata, **change}))
        body = {"name": "u", "metadata-location": f"file://{forged}"}
        assert refused(http.post("namespaces/s/register", json=body))
        forged = forged.with_name(f"{forged.name[:5]}x{forged.name[5:]}")
    assert http.head(f"{TABLES}/u").status_code == 404
    assert private.is_untouched()


def test_a_percent_sign_is_a_plain_character(http: Any, make: Any, tmp_path: Path) -> None:
    location = f"file://{tmp_path}/warehouse/%2e%2e/t"
    made = make.table("t", location=location)
    assert made["metadata"]["location"] == location
    assert list((tmp_path / "warehouse" / "%2e%2e" / "t" / "metadata").iterdir())
    assert not (tmp_path / "t").exists()


def test_a_final_slash_is_no_part_of_a_registered_files_name(http: Any, make: Any) -> None:
    made = make.table("t")["metadata-location"]
    body = {"name": "u", "metadata-location": f"{made}/"}
    assert http.post("namespaces/s/register", json=body).status_code == 200
    assert http.get(f"{TABLES}/u").json()["metadata-location"] == made


def test_a_purge_spares_data_outside_that_a_client_added(
    server: Any, schema_name: str, tmp_path: Path
) -> None:
    rows = pa.table({"id": pa.array([1, 2], pa.int64())})
    precious = tmp_path / "precious.parquet"
    pq.write_table(rows, precious)
    catalog = RestCatalog("unity", uri=server.iceberg_uri, warehouse="unity")
    catalog.create_namespace(schema_name)
    table = catalog.create_table(f"{schema_name}.t", schema=rows.schema)
    table.append(rows)
    table.add_files([f"file://{precious}"])
    folder = file_of(table.location())

    catalog.purge_table(f"{schema_name}.t")
    catalog.close()

    assert precious.exists()
    assert [path for path in folder.rglob("*") if path.is_file()] == []
