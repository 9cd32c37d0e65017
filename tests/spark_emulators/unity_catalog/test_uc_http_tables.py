"""Tables, as raw HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

TABLES = "namespaces/s/tables"


def refusal(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    return answer.status_code, error["type"]


def file_of(location: str) -> Path:
    return Path(urlsplit(location).path)


def set_properties(**updates: str) -> dict[str, Any]:
    return {"requirements": [], "updates": [{"action": "set-properties", "updates": updates}]}


def test_a_created_table_is_really_written(http: Any, make: Any, tmp_path: Path) -> None:
    created = make.table("t", properties={"owner": "ann"})
    assert "config" not in created, "it would win over the client's own"
    assert created["metadata"]["format-version"] == 2
    assert created["metadata"]["location"].startswith(f"file://{tmp_path}/warehouse/s/t-")
    written = json.loads(file_of(created["metadata-location"]).read_text())
    assert written == created["metadata"]
    assert http.head(f"{TABLES}/t").status_code == 204
    assert http.get(f"{TABLES}/t").json() == created
    assert http.get(TABLES).json()["identifiers"] == [{"namespace": ["s"], "name": "t"}]


def test_a_tables_folder_is_never_used_again(http: Any, make: Any) -> None:
    first = make.table("t")["metadata"]["location"]
    http.delete(f"{TABLES}/t")
    assert make.table("t")["metadata"]["location"] != first


def test_a_schemas_location_holds_its_tables(http: Any, make: Any, tmp_path: Path) -> None:
    folder = f"file://{tmp_path}/warehouse/elsewhere/"
    http.post("namespaces", json={"namespace": ["s"], "properties": {"location": folder}})
    assert make.table("t")["metadata"]["location"].startswith(f"{folder}t-")
    exact = make.table("u", location=f"file://{tmp_path}/warehouse/exact/")
    assert exact["metadata"]["location"] == f"file://{tmp_path}/warehouse/exact"


def test_a_table_is_made_once_and_in_a_schema(http: Any, make: Any) -> None:
    made = make.table("t")
    body = {"name": "t", "schema": made["metadata"]["schemas"][0]}
    for staged in (False, True):
        again = http.post(TABLES, json={**body, "stage-create": staged})
        assert refusal(again) == (409, "AlreadyExistsException")
        nowhere = http.post("namespaces/nope/tables", json={**body, "stage-create": staged})
        assert refusal(nowhere) == (404, "NoSuchNamespaceException")
    deeper = http.post("namespaces/s%1Fdeep/tables", json=body)
    assert refusal(deeper) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a b"},
        {"name": ""},
        {"location": "relative"},
        {"schema": {"type": "struct", "fields": [{"id": 1, "name": "x"}]}},
        {"schema": {"type": "struct", "fields": [], "colour": "red"}},
        {"partition-spec": {"spec-id": 0, "fields": [{"source-id": 9, "name": "x"}]}},
        {"properties": {"format-version": "seven"}},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(
    http: Any, make: Any, change: dict[str, Any]
) -> None:
    made = make.table("t")
    body = {"name": "u", "schema": made["metadata"]["schemas"][0], **change}
    assert refusal(http.post(TABLES, json=body)) == (400, "BadRequestException")


def test_a_partition_spec_may_be_called_the_struct_that_it_is(http: Any, make: Any) -> None:
    """DuckDB does so."""
    body = {"name": "u", "schema": make.table("t")["metadata"]["schemas"][0]}
    spec = {"spec-id": 0, "type": "struct", "fields": []}
    assert http.post(TABLES, json={**body, "partition-spec": spec}).status_code == 200
    other = {**body, "name": "v", "partition-spec": {**spec, "type": "list"}}
    assert refusal(http.post(TABLES, json=other)) == (400, "BadRequestException")


def test_format_3_is_refused_by_name(http: Any, make: Any) -> None:
    made = make.table("t")
    body = {
        "name": "u",
        "schema": made["metadata"]["schemas"][0],
        "properties": {"format-version": "3"},
    }
    assert refusal(http.post(TABLES, json=body)) == (406, "UnsupportedOperationException")
    upgrade = {
        "requirements": [],
        "updates": [{"action": "upgrade-format-version", "format-version": 3}],
    }
    answer = http.post(f"{TABLES}/t", json=upgrade)
    assert refusal(answer) == (406, "UnsupportedOperationException")


def test_a_staged_table_exists_only_once_committed(http: Any, make: Any, tmp_path: Path) -> None:
    make.schema("s")
    schema = make.table("other", namespace="x")["metadata"]["schemas"][0]
    staged = http.post(TABLES, json={"name": "t", "schema": schema, "stage-create": True}).json()
    assert "metadata-location" not in staged
    assert http.head(f"{TABLES}/t").status_code == 404
    assert not (tmp_path / "warehouse" / "s").exists()
    metadata = staged["metadata"]
    creation = {
        "requirements": [{"type": "assert-create"}],
        "updates": [
            {"action": "assign-uuid", "uuid": metadata["table-uuid"]},
            {"action": "upgrade-format-version", "format-version": 2},
            {"action": "add-schema", "schema": schema},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "add-spec", "spec": metadata["partition-specs"][0]},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "add-sort-order", "sort-order": metadata["sort-orders"][0]},
            {"action": "set-default-sort-order", "sort-order-id": -1},
            {"action": "set-location", "location": metadata["location"]},
            {"action": "set-properties", "updates": {}},
        ],
    }
    done = http.post(f"{TABLES}/t", json=creation)
    assert done.status_code == 200, done.text
    assert done.json()["metadata"]["table-uuid"] == metadata["table-uuid"]
    assert "/00000-" in done.json()["metadata-location"]
    assert refusal(http.post(f"{TABLES}/t", json=creation)) == (409, "CommitFailedException")
    nowhere = http.post("namespaces/nope/tables/t", json=creation)
    assert refusal(nowhere) == (404, "NoSuchNamespaceException")


def test_tags_tell_whether_a_table_changed(http: Any, make: Any) -> None:
    make.table("t")
    whole = http.get(f"{TABLES}/t")
    refs = http.get(f"{TABLES}/t", params={"snapshots": "refs"})
    assert whole.headers["ETag"] != refs.headers["ETag"]
    seen = {"If-None-Match": f'"x", W/{whole.headers["ETag"]}'}
    unchanged = http.get(f"{TABLES}/t", headers=seen)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == whole.headers["ETag"]
    other = http.get(f"{TABLES}/t", headers=seen, params={"snapshots": "refs"})
    assert other.status_code == 200
    committed = http.post(f"{TABLES}/t", json=set_properties(a="1"))
    changed = http.get(f"{TABLES}/t", headers=seen)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == committed.headers["ETag"]
    odd = http.get(f"{TABLES}/t", params={"snapshots": "some"})
    assert refusal(odd) == (400, "BadRequestException")


def test_a_missing_table_is_that_and_nothing_else(http: Any, make: Any) -> None:
    make.schema("s")
    missing = (404, "NoSuchTableException")
    for namespace in ("s", "nope", "s%1Ft"):
        path = f"namespaces/{namespace}/tables/history"
        assert http.head(path).status_code == 404
        assert refusal(http.get(path)) == missing
        assert refusal(http.delete(path)) == missing
        assert refusal(http.post(path, json=set_properties(a="1"))) == missing
    assert refusal(http.get("namespaces/nope/tables")) == (404, "NoSuchNamespaceException")


def test_a_commit_writes_the_next_file(http: Any, make: Any) -> None:
    made = make.table("t")
    done = http.post(f"{TABLES}/t", json=set_properties(a="1")).json()
    assert "/00001-" in done["metadata-location"]
    assert done["metadata"]["metadata-log"][0]["metadata-file"] == made["metadata-location"]
    assert http.get(f"{TABLES}/t").json()["metadata"] == done["metadata"]


def test_a_commit_that_changes_nothing_writes_nothing(http: Any, make: Any) -> None:
    made = make.table("t")
    folder = file_of(made["metadata-location"]).parent
    before = set(folder.iterdir())
    done = http.post(f"{TABLES}/t", json={"requirements": [], "updates": []}).json()
    assert done["metadata-location"] == made["metadata-location"]
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"requirements": [], "updates": [{"action": "paint", "colour": "red"}]},
        {"requirements": [{"type": "assert-colour"}], "updates": []},
        {"requirements": [], "updates": [{"action": "add-encryption-key", "encryption-key": {}}]},
        {"requirements": [], "updates": [{"action": "set-current-schema", "schema-id": 9}]},
        {"requirements": [], "updates": [{"action": "add-spec", "spec": {"new": 1}}]},
    ],
)
def test_a_commit_that_makes_no_sense_is_refused(
    http: Any, make: Any, body: dict[str, Any]
) -> None:
    make.table("t")
    assert refusal(http.post(f"{TABLES}/t", json=body)) == (400, "BadRequestException")


def test_a_failed_requirement_is_a_conflict(http: Any, make: Any) -> None:
    make.table("t")
    body = {
        "requirements": [{"type": "assert-current-schema-id", "current-schema-id": 9}],
        "updates": [],
    }
    assert refusal(http.post(f"{TABLES}/t", json=body)) == (409, "CommitFailedException")


def test_a_commit_that_cannot_be_written_surely_failed(http: Any, make: Any) -> None:
    made = make.table("t")
    folder = file_of(made["metadata-location"]).parent
    there = folder.rename(folder.with_name("moved"))
    folder.write_text("a file where the folder should be")
    answer = http.post(f"{TABLES}/t", json=set_properties(a="1"))
    assert refusal(answer) == (409, "CommitFailedException")
    folder.unlink()
    there.rename(folder)
    assert http.get(f"{TABLES}/t").json()["metadata-location"] == made["metadata-location"]


def test_a_table_moves_between_schemas(http: Any, make: Any) -> None:
    made = make.table("t")
    make.table("taken", namespace="z")

    def rename(source: list[str], target: list[str]) -> httpx.Response:
        def named(path: list[str]) -> dict[str, Any]:
            return {"namespace": path[:-1], "name": path[-1]}

        body = {"source": named(source), "destination": named(target)}
        answer: httpx.Response = http.post("tables/rename", json=body)
        return answer

    assert rename(["s", "t"], ["z", "u"]).status_code == 204
    assert http.get("namespaces/z/tables/u").json()["metadata"] == made["metadata"]
    assert refusal(rename(["s", "t"], ["z", "v"])) == (404, "NoSuchTableException")
    assert refusal(rename(["z", "u"], ["nope", "u"])) == (404, "NoSuchNamespaceException")
    assert refusal(rename(["z", "u"], ["z", "taken"])) == (409, "AlreadyExistsException")
    assert refusal(rename(["z", "u"], ["z", "u"])) == (409, "AlreadyExistsException")
    assert refusal(rename(["z", "u"], ["z", "a b"])) == (400, "BadRequestException")
    assert refusal(rename(["z", "u"], ["z", "deep", "u"])) == (400, "BadRequestException")
    assert http.head("namespaces/z/tables/u").status_code == 204


def test_a_metadata_file_is_registered_under_a_name(http: Any, make: Any) -> None:
    made = make.table("t")
    changed = http.post(f"{TABLES}/t", json=set_properties(a="1")).json()

    def register(name: str, location: str, **more: Any) -> httpx.Response:
        body = {"name": name, "metadata-location": location, **more}
        answer: httpx.Response = http.post("namespaces/s/register", json=body)
        return answer

    old = made["metadata-location"]
    assert register("u", old).json()["metadata"] == made["metadata"]
    assert refusal(register("u", old)) == (409, "AlreadyExistsException")
    over = register("u", changed["metadata-location"], overwrite=True)
    assert over.json()["metadata"]["properties"] == {"a": "1"}
    assert http.get(f"{TABLES}/u").json()["metadata"] == changed["metadata"]
    assert register("v", old, overwrite=True).status_code == 200
    assert refusal(register("w", old + ".gone")) == (400, "BadRequestException")
    nowhere = http.post("namespaces/nope/register", json={"name": "t", "metadata-location": old})
    assert refusal(nowhere) == (404, "NoSuchNamespaceException")


def test_a_file_that_could_not_be_kept_is_not_registered(http: Any, make: Any) -> None:
    location = file_of(make.table("t")["metadata-location"])
    newer = location.with_name("00009-newer.metadata.json")
    for change, kind in (
        ({"encryption-keys": [{"key-id": "k"}]}, (400, "BadRequestException")),
        ({"format-version": 3, "next-row-id": 5}, (406, "UnsupportedOperationException")),
    ):
        newer.write_text(json.dumps({**json.loads(location.read_text()), **change}))
        body = {"name": "u", "metadata-location": f"file://{newer}"}
        assert refusal(http.post("namespaces/s/register", json=body)) == kind


def test_dropping_leaves_the_files_and_purging_does_not(http: Any, make: Any) -> None:
    kept = file_of(make.table("kept")["metadata-location"])
    assert http.delete(f"{TABLES}/kept").status_code == 204
    assert kept.exists()
    first = file_of(make.table("gone")["metadata-location"])
    http.post(f"{TABLES}/gone", json=set_properties(a="1"))
    answer = http.delete(f"{TABLES}/gone", params={"purgeRequested": "True"})
    assert answer.status_code == 204
    assert http.head(f"{TABLES}/gone").status_code == 404
    assert list(first.parent.iterdir()) == []
    make.table("t")
    odd = http.delete(f"{TABLES}/t", params={"purgeRequested": "maybe"})
    assert refusal(odd) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "report",
    [
        {
            "report-type": "scan-report",
            "table-name": "s.t",
            "snapshot-id": 1,
            "filter": {"type": "true"},
            "schema-id": 0,
            "projected-field-ids": [1],
            "projected-field-names": ["id"],
            "metrics": {},
        },
        {
            "report-type": "commit-report",
            "table-name": "s.t",
            "snapshot-id": 1,
            "sequence-number": 1,
            "operation": "append",
            "metrics": {},
        },
    ],
)
def test_metrics_are_checked_and_forgotten(http: Any, make: Any, report: dict[str, Any]) -> None:
    make.table("t")
    assert http.post(f"{TABLES}/t/metrics", json=report).status_code == 204
    odd = http.post(f"{TABLES}/t/metrics", json={**report, "report-type": "weather-report"})
    assert refusal(odd) == (400, "BadRequestException")
    missing = http.post(f"{TABLES}/nope/metrics", json=report)
    assert refusal(missing) == (404, "NoSuchTableException")


def change(name: str, requirement: dict[str, Any], **updates: str) -> dict[str, Any]:
    return {
        "identifier": {"namespace": ["s"], "name": name},
        "requirements": [requirement],
        "updates": [{"action": "set-properties", "updates": updates}],
    }


def test_a_transaction_changes_all_tables(http: Any, make: Any) -> None:
    for name in ("a", "b"):
        make.table(name)
    holds = {"type": "assert-current-schema-id", "current-schema-id": 0}
    changes = [change("a", holds, x="1"), change("b", holds, x="2")]
    assert http.post("transactions/commit", json={"table-changes": changes}).status_code == 204
    assert http.get(f"{TABLES}/a").json()["metadata"]["properties"] == {"x": "1"}
    assert http.get(f"{TABLES}/b").json()["metadata"]["properties"] == {"x": "2"}


def test_a_transaction_changes_all_tables_or_none(http: Any, make: Any) -> None:
    made = {name: make.table(name) for name in ("a", "b")}
    holds = {"type": "assert-current-schema-id", "current-schema-id": 0}
    fails = {"type": "assert-current-schema-id", "current-schema-id": 9}
    folders = {file_of(table["metadata-location"]).parent for table in made.values()}
    before = {folder: set(folder.iterdir()) for folder in folders}
    for bad, kind in (
        (change("b", fails, x="2"), (409, "CommitFailedException")),
        (change("nope", holds, x="2"), (404, "NoSuchTableException")),
        (change("a", holds, x="2"), (400, "BadRequestException")),
        ({**change("b", holds, x="2"), "identifier": None}, (400, "BadRequestException")),
    ):
        body = {"table-changes": [change("a", holds, x="1"), bad]}
        assert refusal(http.post("transactions/commit", json=body)) == kind
    for name, table in made.items():
        assert http.get(f"{TABLES}/{name}").json() == table
    assert {folder: set(folder.iterdir()) for folder in folders} == before


def test_tables_are_listed_in_pages(http: Any, make: Any) -> None:
    names = [f"t{number}" for number in range(3)]
    for name in names:
        make.table(name)
    first = http.get(TABLES, params={"pageToken": "", "pageSize": "2"}).json()
    token = first["next-page-token"]
    rest = http.get(TABLES, params={"pageToken": token, "pageSize": "2"}).json()
    listed = first["identifiers"] + rest["identifiers"]
    assert [identifier["name"] for identifier in listed] == names
    assert rest["next-page-token"] is None
