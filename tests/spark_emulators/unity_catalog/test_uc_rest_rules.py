"""The rules of Unity Catalog's objects: places, managed tables, model versions, locations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_uc_rest import COLUMN, IN_SCHEMA, TABLE, made, refusal

ROLE = {"aws_iam_role": {"role_arn": "arn:aws:iam::1:role/r"}}
BAD = (400, "INVALID_ARGUMENT")


@pytest.fixture
def root(tmp_path: Path) -> str:
    return f"file://{tmp_path}/warehouse"


@pytest.fixture(autouse=True)
def schema(uc: Any) -> None:
    made(uc.post("schemas", json={"name": "s", "catalog_name": "unity"}))


def table(uc: Any, name: str, location: str | None, **more: Any) -> Any:
    body = {**TABLE, "name": name, "storage_location": location, **more}
    return uc.post("tables", json={key: one for key, one in body.items() if one is not None})


@pytest.mark.parametrize(
    "path",
    ["", "x/../y", "x/./y", "x//y", "x?y", "x#y", "x\\y", "__unitystorage/x", "x/__unitystorage"],
)
def test_a_place_is_a_plain_path(uc: Any, root: str, path: str) -> None:
    made(table(uc, "there", f"{root}/a"))
    assert refusal(table(uc, "t", f"{root}/{path}")) == BAD
    made(uc.get("tables", params=IN_SCHEMA))
    assert uc.get("tables/unity.s.t").status_code == 404


@pytest.mark.parametrize("location", ["s3://bucket/x", "file:///etc/x", "ftp://a/b", "relative"])
def test_a_place_is_in_the_catalogs_stores(uc: Any, location: str) -> None:
    assert refusal(table(uc, "t", location)) == BAD


@pytest.mark.parametrize("other", ["a/b", "a/b/c", "a", "a/b/"])
def test_no_two_share_a_place(uc: Any, root: str, other: str) -> None:
    made(table(uc, "first", f"{root}/a/b"))
    assert refusal(table(uc, "second", f"{root}/{other}")) == BAD
    volume = {**IN_SCHEMA, "name": "v", "volume_type": "EXTERNAL"}
    answer = uc.post("volumes", json={**volume, "storage_location": f"{root}/{other}"})
    assert refusal(answer) == BAD
    for beside in ("a/b0", "a/bc", "a/c"):
        made(table(uc, beside.replace("/", "_"), f"{root}/{beside}"))


def test_iceberg_tables_hold_their_place_too(uc: Any, make: Any, root: str) -> None:
    metadata = make.table("ice")["metadata"]
    assert refusal(table(uc, "t", f"{metadata['location']}/data")) == BAD


def test_an_iceberg_table_is_one_object_for_both_apis(uc: Any, http: Any, make: Any) -> None:
    properties = {"comment": "of interest", "k": "v"}
    created = make.table("ice", properties=properties)
    seen = made(uc.get("tables/unity.s.ice"))
    assert (seen["table_type"], seen["data_source_format"]) == ("MANAGED", "ICEBERG")
    assert seen["storage_location"] == created["metadata"]["location"]
    assert (seen["comment"], seen["properties"]) == ("of interest", {"k": "v"})
    assert [(c["name"], c["type_text"], c["nullable"]) for c in seen["columns"]] == [
        ("id", "bigint", False),
        ("name", "string", True),
    ]
    commit = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"k": "w"}}]}
    assert http.post("namespaces/s/tables/ice", json=commit).status_code == 200
    changed = made(uc.get("tables/unity.s.ice"))
    assert (changed["table_id"], changed["properties"]) == (seen["table_id"], {"k": "w"})
    made(uc.delete("tables/unity.s.ice"))
    assert http.get("namespaces/s/tables/ice").status_code == 404


def test_an_iceberg_client_sees_no_other_formats(uc: Any, http: Any, root: str) -> None:
    made(table(uc, "csv", f"{root}/csv"))
    assert http.get("namespaces/s/tables").json()["identifiers"] == []
    assert http.get("namespaces/s/tables/csv").status_code == 404
    taken = http.post(
        "namespaces/s/tables", json={"name": "csv", "schema": {"type": "struct", "fields": []}}
    )
    assert taken.status_code == 409


def test_a_schema_is_one_object_for_both_apis(uc: Any, http: Any) -> None:
    made(uc.patch("schemas/unity.s", json={"comment": "c", "properties": {"k": "v"}}))
    assert http.get("namespaces/s").json()["properties"] == {"comment": "c", "k": "v"}
    assert http.post("namespaces/s/properties", json={"updates": {"comment": "d"}}).is_success
    assert made(uc.get("schemas/unity.s"))["comment"] == "d"


@pytest.mark.parametrize(
    "wrong",
    [
        {"storage_location": None},
        {"data_source_format": None},
        {"data_source_format": "ICEBERG"},
        {"data_source_format": "csv"},
        {"table_type": "STREAMING_TABLE"},
        {"table_type": "VIEW"},
        {"table_type": "external"},
        {"columns": "x"},
        {"columns": [{"type_name": "INT"}]},
        {"columns": [{**COLUMN, "type_name": "NUMBER"}]},
        {"columns": [{**COLUMN, "position": -1}]},
        {"properties": {"k": 1}},
    ],
)
def test_wrong_tables_are_refused(uc: Any, root: str, wrong: dict[str, Any]) -> None:
    assert refusal(table(uc, "t", **{"location": f"{root}/t", **_renamed(wrong)})) == BAD
    assert uc.get("tables/unity.s.t").status_code == 404


def _renamed(wrong: dict[str, Any]) -> dict[str, Any]:
    return {"location" if key == "storage_location" else key: one for key, one in wrong.items()}


def test_a_view_has_a_definition_and_no_place(uc: Any) -> None:
    body = {**IN_SCHEMA, "name": "v", "table_type": "VIEW", "columns": []}
    assert refusal(uc.post("tables", json=body)) == BAD
    depends = {"dependencies": [{"table": {"table_full_name": "unity.s.t"}}]}
    defined = {**body, "view_definition": "SELECT 1", "view_dependencies": depends}
    view = made(uc.post("tables", json=defined))
    assert (view["view_definition"], view["view_dependencies"]) == ("SELECT 1", depends)
    assert "storage_location" not in view


def test_a_managed_table_is_staged_first(uc: Any) -> None:
    staged = made(uc.post("staging-tables", json={**IN_SCHEMA, "name": "m"}))
    place = staged["staging_location"]
    assert "/__unitystorage/tables/" in place
    managed = {"table_type": "MANAGED", "data_source_format": "DELTA"}
    right = {"properties": {"io.unitycatalog.tableId": staged["id"]}}
    assert refusal(table(uc, "m", place, **managed)) == BAD
    assert (
        refusal(table(uc, "m", place, **{**managed, "data_source_format": "CSV"}, **right)) == BAD
    )
    assert refusal(table(uc, "m", f"{place}x", **managed, **right)) == (404, "NOT_FOUND")
    made_of_it = made(table(uc, "m", place, **managed, **right))
    assert (made_of_it["table_id"], made_of_it["storage_location"]) == (staged["id"], place)
    again = table(uc, "n", place, **managed, **right)
    assert refusal(again) == (400, "FAILED_PRECONDITION")


def test_summaries_go_by_pattern(uc: Any, root: str) -> None:
    for name in ("red_1", "red_2", "blue"):
        made(table(uc, name, f"{root}/{name}"))

    def names(**query: Any) -> list[str]:
        answer = made(uc.get("table-summaries", params={"catalog_name": "unity", **query}))
        return [one["full_name"].split(".")[-1] for one in answer["tables"]]

    assert names() == ["blue", "red_1", "red_2"]
    assert names(table_name_pattern="red%") == ["red_1", "red_2"]
    assert names(table_name_pattern="r.d%") == []
    assert names(schema_name_pattern="x") == []
    first = made(uc.get("table-summaries", params={"catalog_name": "unity", "max_results": 1}))
    assert names(page_token=first["next_page_token"]) == ["red_1", "red_2"]


def test_summaries_go_on_from_schema_to_schema(uc: Any, root: str) -> None:
    for schema in ("a", "a-b", "b"):
        made(uc.post("schemas", json={"name": schema, "catalog_name": "other"}))
        for name in ("t", "u"):
            body = {"schema_name": schema, "catalog_name": "other"}
            made(table(uc, name, f"{root}/{schema}-{name}", **body))
    seen, token = [], ""
    while True:
        query = {"catalog_name": "other", "max_results": 1, "page_token": token}
        page = made(uc.get("table-summaries", params=query))
        seen += [one["full_name"] for one in page["tables"]]
        if not (token := page.get("next_page_token", "")):
            break
        if token == "a.t":
            # what goes while somebody leafs through is passed over
            made(uc.delete("schemas/other.a", params={"force": "true"}))
    names = [f"other.{schema}.{name}" for schema in ("a-b", "b") for name in ("t", "u")]
    assert seen == ["other.a.t", *names]


def test_a_table_that_is_not_there_does_not_exist(uc: Any, root: str) -> None:
    made(table(uc, "t", f"{root}/t"))
    assert made(uc.get("tables/unity.s.t/exists")) == {"table_exists": True}
    assert made(uc.get("tables/unity.s.u/exists")) == {"table_exists": False}
    assert refusal(uc.get("tables/unity.x.u/exists")) == (404, "SCHEMA_NOT_FOUND")


def test_a_list_leaves_out_what_is_asked_to(uc: Any, root: str) -> None:
    made(table(uc, "t", f"{root}/t", properties={"k": "v"}))
    query = {**IN_SCHEMA, "omit_columns": "true", "omit_properties": "true"}
    [seen] = made(uc.get("tables", params=query))["tables"]
    assert not {"columns", "properties"} & set(seen)


def test_a_volume_is_managed_or_has_a_place(uc: Any, root: str) -> None:
    body = {**IN_SCHEMA, "name": "v"}
    external = {**body, "volume_type": "EXTERNAL"}
    assert refusal(uc.post("volumes", json=external)) == BAD
    managed = {**body, "volume_type": "MANAGED", "storage_location": f"{root}/v"}
    assert refusal(uc.post("volumes", json=managed)) == BAD
    volume = made(uc.post("volumes", json={**external, "storage_location": f"{root}/v/"}))
    assert volume["storage_location"] == f"{root}/v"


@pytest.fixture
def model(uc: Any) -> str:
    made(uc.post("models", json={**IN_SCHEMA, "name": "m"}))
    return "models/unity.s.m"


def version(uc: Any) -> dict[str, Any]:
    body = {**IN_SCHEMA, "model_name": "m", "source": "s3://elsewhere", "run_id": "r"}
    return made(uc.post("models/versions", json=body))


def test_versions_are_numbered_for_ever(uc: Any, model: str) -> None:
    assert [version(uc)["version"] for _ in range(3)] == [1, 2, 3]
    made(uc.delete(f"{model}/versions/3"))
    assert version(uc)["version"] == 4
    listed = made(uc.get(f"{model}/versions"))["model_versions"]
    assert [one["version"] for one in listed] == [1, 2, 4]
    first = made(uc.get(f"{model}/versions", params={"max_results": 2}))
    rest = made(uc.get(f"{model}/versions", params={"page_token": first["next_page_token"]}))
    assert [one["version"] for one in rest["model_versions"]] == [4]


def test_a_version_is_finalized_once(uc: Any, model: str) -> None:
    assert version(uc)["status"] == "PENDING_REGISTRATION"
    body = {"full_name": "unity.s.m", "version": 1}
    path = f"{model}/versions/1/finalize"
    assert refusal(uc.patch(path, json={**body, "version": 2})) == BAD
    assert made(uc.patch(path, json=body))["status"] == "READY"
    assert refusal(uc.patch(path, json=body)) == BAD
    changed = made(uc.patch(f"{model}/versions/1", json={"comment": "c"}))
    assert (changed["comment"], changed["status"]) == ("c", "READY")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "9" * 40])
def test_a_version_has_a_number(uc: Any, model: str, number: str) -> None:
    assert refusal(uc.get(f"{model}/versions/{number}")) == BAD


def test_a_model_with_versions_stays(uc: Any, model: str) -> None:
    version(uc)
    assert refusal(uc.delete(model)) == (409, "ABORTED")
    made(uc.delete(model, params={"force": "true"}))
    assert uc.get(f"{model}/versions/1").status_code == 404


def test_models_are_listed_everywhere_or_in_one_schema(uc: Any, model: str) -> None:
    made(uc.post("schemas", json={"name": "x", "catalog_name": "unity"}))
    made(uc.post("models", json={"catalog_name": "unity", "schema_name": "x", "name": "n"}))
    everywhere = made(uc.get("models"))["registered_models"]
    assert sorted(one["full_name"] for one in everywhere) == ["unity.s.m", "unity.x.n"]
    [one] = made(uc.get("models", params=IN_SCHEMA))["registered_models"]
    assert one["full_name"] == "unity.s.m"
    assert refusal(uc.get("models", params={"schema_name": "s"})) == BAD


def test_aliases_lead_to_versions(uc: Any, model: str) -> None:
    version(uc)
    version(uc)
    made(uc.put(f"{model}/aliases/best", json={"version_num": 2}))
    assert made(uc.get(f"{model}/aliases/best"))["version"] == 2
    assert made(uc.get(model))["aliases"] == [{"alias_name": "best", "version_num": 2}]
    assert refusal(uc.put(f"{model}/aliases/x", json={"version_num": 9})) == (404, "NOT_FOUND")
    made(uc.delete(f"{model}/versions/2"))
    assert refusal(uc.get(f"{model}/aliases/best")) == (404, "NOT_FOUND")
    made(uc.put(f"{model}/aliases/best", json={"version_num": 1}))
    made(uc.delete(f"{model}/aliases/best"))
    assert refusal(uc.delete(f"{model}/aliases/best")) == (404, "NOT_FOUND")


@pytest.fixture
def credential(uc: Any) -> str:
    made(uc.post("credentials", json={"name": "k", **ROLE}))
    return "k"


def location(uc: Any, name: str, url: str, credential: str = "k") -> Any:
    body = {"name": name, "url": url, "credential_name": credential}
    return uc.post("external-locations", json=body)


def test_an_external_location_is_reached_by_a_credential(
    uc: Any, credential: str, root: str
) -> None:
    assert refusal(location(uc, "l", f"{root}/l", "none")) == (404, "NOT_FOUND")
    one = made(location(uc, "l", f"{root}/l/"))
    assert (one["url"], one["credential_name"]) == (f"{root}/l", "k")
    assert refusal(location(uc, "l", f"{root}/m")) == (400, "EXTERNAL_LOCATION_ALREADY_EXISTS")
    assert refusal(uc.delete("credentials/k")) == BAD
    made(uc.patch("credentials/k", json={"new_name": "key"}))
    assert made(uc.get("external-locations/l"))["credential_name"] == "key"
    made(uc.delete("credentials/key", params={"force": "true"}))
    [left] = made(uc.get("external-locations"))["external_locations"]
    assert "credential_name" not in left


@pytest.mark.parametrize("other", ["l", "l/x", ""])
def test_external_locations_do_not_overlap(uc: Any, credential: str, root: str, other: str) -> None:
    made(location(uc, "l", f"{root}/l"))
    url = f"{root}/{other}".rstrip("/")
    assert refusal(location(uc, "other", url)) == BAD
    made(location(uc, "far", f"{root}/far"))
    assert refusal(uc.patch("external-locations/far", json={"url": url})) == BAD
    made(uc.patch("external-locations/l", json={"url": f"{root}/l/deeper"}))


def test_a_location_with_tables_stays(uc: Any, credential: str, root: str) -> None:
    made(location(uc, "l", f"{root}/l"))
    made(table(uc, "t", f"{root}/l/t"))
    assert refusal(uc.delete("external-locations/l")) == BAD
    made(uc.delete("external-locations/l", params={"force": "true"}))
    assert made(uc.get("tables/unity.s.t"))


def test_both_names_of_credentials_are_one(uc: Any, credential: str) -> None:
    [one] = made(uc.get("storage-credentials"))["storage_credentials"]
    assert one == made(uc.get("credentials/k")) == made(uc.get("storage-credentials/k"))
    assert made(uc.get("credentials", params={"purpose": "SERVICE"}))["credentials"] == []
