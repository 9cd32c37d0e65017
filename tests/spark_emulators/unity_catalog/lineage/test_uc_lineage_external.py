"""Lineage that people declare, over HTTP as the Databricks SDK spells it."""

import pytest

API = "http://testserver/api/2.0/lineage-tracking"
METADATA, LINEAGE = f"{API}/external-metadata", f"{API}/external-lineage"
DASHBOARD = {"name": "sales-board", "system_type": "TABLEAU", "entity_type": "dashboard"}
BOARD = {"external_metadata": {"name": "sales-board"}}
TABLE = {"table": {"name": "unity.s.t"}}


@pytest.fixture
def declared(http, make):
    make.table("t", "s")
    assert http.post(METADATA, json=DASHBOARD).status_code == 200
    body = {
        "source": TABLE,
        "target": BOARD,
        "columns": [{"source": "id", "target": "sold"}],
        "properties": {"team": "bi"},
    }
    answer = http.post(LINEAGE, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**body, "id": answer.json()["id"]}
    return answer.json()


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    return answer.json()["message"]


def around(http, direction, name="unity.s.t", **more):
    query = {"object_info.table.name": name, "lineage_direction": direction, **more}
    return http.get(LINEAGE, params=query)


def test_metadata_is_made_read_changed_and_deleted(http):
    made = http.post(METADATA, json=DASHBOARD).json()
    assert made | DASHBOARD == made
    assert (made["owner"], made["created_by"]) == ("admin", "admin")
    assert http.get(f"{METADATA}/sales-board").json() == made
    changed = http.request(
        "PATCH",
        f"{METADATA}/sales-board",
        params={"update_mask": "description,columns"},
        json={**DASHBOARD, "description": "numbers", "columns": ["sold"], "url": "ignored"},
    ).json()
    assert (changed["description"], changed["columns"]) == ("numbers", ["sold"])
    assert "url" not in changed
    assert http.delete(f"{METADATA}/sales-board").json() == {}
    refused(http.get(f"{METADATA}/sales-board"), 404, "NOT_FOUND")
    refused(http.delete(f"{METADATA}/sales-board"), 404, "NOT_FOUND")


def test_metadata_comes_in_pages(http):
    for name in ("a", "b", "c"):
        http.post(METADATA, json={**DASHBOARD, "name": name})
    first = http.get(METADATA, params={"page_size": 2}).json()
    assert [one["name"] for one in first["external_metadata"]] == ["a", "b"]
    rest = http.get(
        METADATA, params={"page_size": 2, "page_token": first["next_page_token"]}
    ).json()
    assert [one["name"] for one in rest["external_metadata"]] == ["c"]
    assert "next_page_token" not in rest


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": 7}, "name"),
        ({"system_type": "ABACUS"}, "system_type"),
        ({"entity_type": ""}, "entity_type"),
        ({"properties": {"a": 1}}, "properties.a"),
    ],
)
def test_bad_metadata_names_the_field(http, wrong, named):
    answer = http.post(METADATA, json={**DASHBOARD, **wrong})
    assert named in refused(answer, 400, "INVALID_ARGUMENT")


def test_names_are_taken_once(http):
    http.post(METADATA, json=DASHBOARD)
    refused(http.post(METADATA, json=DASHBOARD), 409, "ALREADY_EXISTS")


@pytest.mark.parametrize("mask", ["", "name", "id,url", "entity_type"])
def test_a_mask_names_what_can_change(http, mask):
    http.post(METADATA, json=DASHBOARD)
    answer = http.request(
        "PATCH", f"{METADATA}/sales-board", params={"update_mask": mask}, json={"url": "u"}
    )
    refused(answer, 400, "INVALID_ARGUMENT")


def test_relationships_are_found_from_both_ends(http, declared):
    [down] = around(http, "DOWNSTREAM").json()["external_lineage_relationships"]
    assert down == {"external_lineage_info": declared, "external_metadata_info": DASHBOARD}
    query = {"object_info.external_metadata.name": "sales-board", "lineage_direction": "UPSTREAM"}
    [up] = http.get(LINEAGE, params=query).json()["external_lineage_relationships"]
    assert up["table_info"] == {"catalog_name": "unity", "schema_name": "s", "name": "t"}
    assert around(http, "UPSTREAM").json() == {"external_lineage_relationships": []}


def test_relationships_come_in_pages(http, declared):
    path = {"path": {"url": "s3://landing/in.csv"}}
    http.post(LINEAGE, json={"source": path, "target": BOARD})
    query = {"object_info.external_metadata.name": "sales-board", "lineage_direction": "UPSTREAM"}
    first = http.get(LINEAGE, params={**query, "page_size": 1}).json()
    again = {**query, "page_size": 1, "page_token": first["next_page_token"]}
    [rest] = http.get(LINEAGE, params=again).json()["external_lineage_relationships"]
    assert rest["file_info"] == {"path": "s3://landing/in.csv"}
    again["page_token"] = "x"
    refused(http.get(LINEAGE, params=again), 400, "INVALID_ARGUMENT")


def test_a_relationship_is_changed_and_deleted(http, declared):
    body = {"source": TABLE, "target": BOARD, "columns": []}
    changed = http.request(
        "PATCH", LINEAGE, params={"update_mask": "columns"}, json={**body, "properties": {"a": "b"}}
    ).json()
    assert (changed["columns"], changed["properties"]) == ([], {"team": "bi"})
    answer = http.request("PATCH", LINEAGE, params={"update_mask": "source"}, json=body)
    assert "columns, properties" in refused(answer, 400, "INVALID_ARGUMENT")
    query = {
        "external_lineage_relationship.source.table.name": "unity.s.t",
        "external_lineage_relationship.target.external_metadata.name": "sales-board",
    }
    assert http.delete(LINEAGE, params=query).json() == {}
    refused(http.delete(LINEAGE, params=query), 404, "NOT_FOUND")


def test_metadata_takes_its_relationships_along(http, declared):
    http.delete(f"{METADATA}/sales-board")
    assert around(http, "DOWNSTREAM").json() == {"external_lineage_relationships": []}


@pytest.mark.parametrize(
    ("source", "target", "status", "code"),
    [
        (TABLE, BOARD, 409, "ALREADY_EXISTS"),
        (TABLE, TABLE, 400, "INVALID_ARGUMENT"),
        ({}, BOARD, 400, "INVALID_ARGUMENT"),
        ({**TABLE, **BOARD}, BOARD, 400, "INVALID_ARGUMENT"),
        ({"table": {"name": "t"}}, BOARD, 404, "TABLE_NOT_FOUND"),
        ({"table": {"name": "unity.s.none"}}, BOARD, 404, "TABLE_NOT_FOUND"),
        (TABLE, {"external_metadata": {"name": "none"}}, 404, "NOT_FOUND"),
    ],
)
def test_relationships_that_cannot_be(http, declared, source, target, status, code):
    refused(http.post(LINEAGE, json={"source": source, "target": target}), status, code)


@pytest.mark.parametrize(
    "query", [{"lineage_direction": "UP"}, {"page_size": 1001}, {"object_info.table.name": ""}]
)
def test_questions_about_relationships_that_make_no_sense(http, query):
    known = {"object_info.table.name": "unity.s.t", "lineage_direction": "UPSTREAM"}
    refused(http.get(LINEAGE, params={**known, **query}), 400, "INVALID_ARGUMENT")
