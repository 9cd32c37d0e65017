"""Iceberg views: by HTTP, as pyiceberg knows them, and as plain functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_uc_rest import made

SCHEMA = {"type": "struct", "schema-id": 0, "fields": []}
VIEWS = "namespaces/s/views"
FIELD = {"id": 1, "name": "n", "required": False, "type": "long"}


def version(sql: str = "SELECT 1", id: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "version-id": id,
        "schema-id": 0,
        "timestamp-ms": 1_700_000_000_000 + id,
        "summary": {"engine-name": "test"},
        "representations": [{"type": "sql", "sql": sql, "dialect": "spark"}],
        "default-namespace": ["s"],
        **more,
    }


def body(name: str = "v", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "schema": {**SCHEMA, "fields": [FIELD]},
        "view-version": version(),
        "properties": {"comment": "of interest"},
        **more,
    }


def refusal(answer: Any) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    return answer.status_code, error["type"]


@pytest.fixture
def view(http: Any, make: Any) -> dict[str, Any]:
    make.schema("s")
    return made(http.post(VIEWS, json=body()))


def commit(http: Any, *updates: dict[str, Any], **more: Any) -> Any:
    return http.post(f"{VIEWS}/v", json={"updates": list(updates), **more})


def replaced(sql: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"action": "add-view-version", "view-version": version(sql, **more)},
        {"action": "set-current-view-version", "view-version-id": -1},
    ]


def test_a_view_is_made_loaded_listed_and_dropped(http: Any, view: dict[str, Any]) -> None:
    metadata = view["metadata"]
    assert (metadata["current-version-id"], metadata["format-version"]) == (1, 1)
    assert [entry["version-id"] for entry in metadata["version-log"]] == [1]
    assert made(http.get(f"{VIEWS}/v")) == view
    assert http.head(f"{VIEWS}/v").status_code == 204
    listed = made(http.get(VIEWS))["identifiers"]
    assert listed == [{"namespace": ["s"], "name": "v"}]
    assert http.delete(f"{VIEWS}/v").status_code == 204
    for gone in (http.get(f"{VIEWS}/v"), http.delete(f"{VIEWS}/v"), commit(http)):
        assert refusal(gone) == (404, "NoSuchViewException")
    assert http.head(f"{VIEWS}/v").status_code == 404


def test_views_and_tables_share_their_names(http: Any, make: Any, view: Any) -> None:
    make.table("t")
    taken = (409, "AlreadyExistsException")
    assert refusal(http.post(VIEWS, json=body("t"))) == taken
    assert refusal(http.post(VIEWS, json=body("v"))) == taken
    table = http.post("namespaces/s/tables", json={"name": "v", "schema": SCHEMA})
    assert refusal(table) == taken
    assert refusal(http.get("namespaces/s/tables/v")) == (404, "NoSuchTableException")
    assert refusal(http.get(f"{VIEWS}/t")) == (404, "NoSuchViewException")
    assert [one["name"] for one in made(http.get("namespaces/s/tables"))["identifiers"]] == ["t"]


def test_unity_catalog_tells_of_it_too(uc: Any, view: Any) -> None:
    seen = made(uc.get("tables/unity.s.v"))
    assert (seen["table_type"], seen["view_definition"]) == ("VIEW", "SELECT 1")
    assert (seen["comment"], [one["name"] for one in seen["columns"]]) == ("of interest", ["n"])
    assert "storage_location" not in seen


def test_a_new_version_is_the_current_one(http: Any, uc: Any, view: Any) -> None:
    after = made(commit(http, *replaced("SELECT 2", id=2)))["metadata"]
    assert [one["version-id"] for one in after["versions"]] == [1, 2]
    assert after["current-version-id"] == 2
    assert [one["version-id"] for one in after["version-log"]] == [1, 2]
    assert made(uc.get("tables/unity.s.v"))["view_definition"] == "SELECT 2"


def test_the_same_version_again_is_the_old_one(http: Any, view: Any) -> None:
    made(commit(http, *replaced("SELECT 2", id=2)))
    back = made(commit(http, *replaced("SELECT 1", id=3)))["metadata"]
    assert [one["version-id"] for one in back["versions"]] == [1, 2]
    assert back["current-version-id"] == 1
    same = made(commit(http, *replaced("SELECT 1", id=4)))
    assert same["metadata"] == back


def test_a_version_may_bring_its_schema(http: Any, view: Any) -> None:
    wider = {**SCHEMA, "fields": [FIELD, {**FIELD, "id": 2, "name": "m"}]}
    updates = [
        {"action": "add-schema", "schema": wider},
        *replaced("SELECT 1, 2", **{"schema-id": -1}),
    ]
    after = made(commit(http, *updates))["metadata"]
    assert [one["schema-id"] for one in after["schemas"]] == [0, 1]
    assert after["versions"][-1]["schema-id"] == 1


def test_properties_and_uuid(http: Any, view: Any) -> None:
    uuid = view["metadata"]["view-uuid"]
    held = [{"type": "assert-view-uuid", "uuid": uuid}]
    changed = made(
        commit(
            http,
            {"action": "set-properties", "updates": {"k": "v"}},
            {"action": "remove-properties", "removals": ["comment"]},
            requirements=held,
        )
    )
    assert changed["metadata"]["properties"] == {"k": "v"}
    stale = [{"type": "assert-view-uuid", "uuid": "another"}]
    update = {"action": "set-properties", "updates": {"k": "w"}}
    refused = commit(http, update, requirements=stale)
    assert refusal(refused) == (409, "CommitFailedException")
    assert made(http.get(f"{VIEWS}/v")) == changed


def test_only_the_newest_versions_are_kept(http: Any, view: Any) -> None:
    keep = {"version.history.num-entries": "2"}
    made(commit(http, {"action": "set-properties", "updates": keep}))
    for number in range(2, 5):
        after = made(commit(http, *replaced(f"SELECT {number}", id=number)))["metadata"]
    assert [one["version-id"] for one in after["versions"]] == [3, 4]
    assert [one["version-id"] for one in after["version-log"]] == [3, 4]


@pytest.mark.parametrize(
    "updates",
    [
        [{"action": "set-current-view-version", "view-version-id": 9}],
        [{"action": "set-current-view-version", "view-version-id": -1}],
        [{"action": "assign-uuid", "uuid": "another"}],
        [{"action": "upgrade-format-version", "format-version": 2}],
        [{"action": "set-location", "location": "file:///etc"}],
        [{"action": "set-location", "location": "relative"}],
        [{"action": "explode"}],
        [{"action": "add-view-version", "view-version": version(representations=[])}],
        [{"action": "add-view-version", "view-version": version(**{"schema-id": 7})}],
        replaced("x", representations=[{"type": "sql", "sql": "x", "dialect": "trino"}]),
        [{"action": "set-properties", "updates": {"version.history.num-entries": "none"}}],
    ],
)
def test_what_makes_no_sense_changes_nothing(http: Any, view: Any, updates: list[Any]) -> None:
    assert refusal(commit(http, *updates)) == (400, "BadRequestException")
    assert made(http.get(f"{VIEWS}/v")) == view


@pytest.mark.parametrize("missing", ["name", "schema", "view-version", "properties"])
def test_a_view_needs_all_its_parts(http: Any, make: Any, missing: str) -> None:
    make.schema("s")
    less = {key: value for key, value in body().items() if key != missing}
    assert refusal(http.post(VIEWS, json=less)) == (400, "BadRequestException")
    assert made(http.get(VIEWS))["identifiers"] == []


def test_a_view_is_renamed_and_registered_again(http: Any, make: Any, view: Any) -> None:
    make.schema("other")
    source = {"namespace": ["s"], "name": "v"}
    target = {"namespace": ["other"], "name": "w"}
    moved = http.post("views/rename", json={"source": source, "destination": target})
    assert moved.status_code == 204
    assert made(http.get("namespaces/other/views/w")) == view
    again = http.post("views/rename", json={"source": source, "destination": target})
    assert refusal(again) == (404, "NoSuchViewException")
    registered = {"name": "back", "metadata-location": view["metadata-location"]}
    assert made(http.post("namespaces/s/register-view", json=registered)) == view
    nowhere = http.post(
        "namespaces/s/register-view",
        json={"name": "no", "metadata-location": view["metadata-location"] + ".none"},
    )
    assert refusal(nowhere) == (400, "BadRequestException")


def test_a_version_whose_number_is_free_but_old_gets_a_new_one(http: Any, view: Any) -> None:
    after = made(commit(http, *replaced("SELECT 2", id=0)))["metadata"]
    assert [one["version-id"] for one in after["versions"]] == [1, 2]
    assert after["current-version-id"] == 2


def test_a_view_file_whose_parts_do_not_fit_is_none(http: Any, view: Any) -> None:
    place = Path(view["metadata-location"].removeprefix("file://"))
    for wrong in ({"current-version-id": 9}, {"schemas": []}, {"versions": []}):
        odd = place.with_name("00009-odd.metadata.json")
        odd.write_text(json.dumps({**view["metadata"], **wrong}))
        body = {"name": "odd", "metadata-location": f"file://{odd}"}
        answer = http.post("namespaces/s/register-view", json=body)
        assert refusal(answer) == (400, "BadRequestException")


def test_a_table_cannot_be_committed_where_a_view_is(http: Any, view: Any) -> None:
    create = {"requirements": [{"type": "assert-create"}], "updates": []}
    answer = http.post("namespaces/s/tables/v", json=create)
    assert refusal(answer) == (409, "AlreadyExistsException")


def test_a_namespace_with_a_view_stays(http: Any, view: Any) -> None:
    assert refusal(http.delete("namespaces/s")) == (409, "NamespaceNotEmptyException")
