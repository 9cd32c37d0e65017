"""Unity Catalog's own REST API: what every kind of object answers to, and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

COLUMN = {"name": "a", "type_name": "INT", "type_text": "int", "position": 0}
FUNCTION = {
    "input_params": {"parameters": [{**COLUMN, "name": "x"}]},
    "data_type": "INT",
    "full_data_type": "INT",
    "routine_body": "SQL",
    "routine_definition": "x + 1",
    "parameter_style": "S",
    "is_deterministic": True,
    "sql_data_access": "NO_SQL",
    "is_null_call": False,
    "security_type": "DEFINER",
    "specific_name": "f",
}
IN_SCHEMA = {"catalog_name": "unity", "schema_name": "s"}
TABLE = {**IN_SCHEMA, "table_type": "EXTERNAL", "data_source_format": "CSV", "columns": [COLUMN]}


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code of an error, whose whole shape is checked."""
    body = answer.json()
    assert set(body) == {"error_code", "message", "details"}, body
    assert [detail["reason"] for detail in body["details"]] == [body["error_code"]]
    return answer.status_code, body["error_code"]


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def schema(uc: Any) -> str:
    made(uc.post("schemas", json={"name": "s", "catalog_name": "unity"}))
    return "unity.s"


@pytest.fixture
def place(tmp_path: Path) -> str:
    """Where an external object may be."""
    return f"file://{tmp_path}/warehouse/elsewhere"


class Resource:
    """How one kind of object is made."""

    def __init__(self, path: str, key: str, full_name: str, body: dict[str, Any], taken: str):
        self.path, self.key, self.full_name = path, key, full_name
        self.body, self.taken = body, taken

    def create(self, uc: Any, place: str) -> Any:
        text = {"storage_location": place, "url": place}
        body = {k: text.get(k, value) if value is ... else value for k, value in self.body.items()}
        wrapped = {"function_info": body} if self.path == "functions" else body
        return uc.post(self.path, json=wrapped)

    @property
    def one(self) -> str:
        return f"{self.path}/{self.full_name}"


RESOURCES = [
    Resource("catalogs", "catalogs", "c", {"name": "c"}, "CATALOG_ALREADY_EXISTS"),
    Resource(
        *("schemas", "schemas", "unity.x"),
        {"name": "x", "catalog_name": "unity"},
        "SCHEMA_ALREADY_EXISTS",
    ),
    Resource(
        *("tables", "tables", "unity.s.t"),
        {**TABLE, "name": "t", "storage_location": ...},
        "TABLE_ALREADY_EXISTS",
    ),
    Resource(
        *("volumes", "volumes", "unity.s.v"),
        {**IN_SCHEMA, "name": "v", "volume_type": "MANAGED"},
        "RESOURCE_ALREADY_EXISTS",
    ),
    Resource(
        *("functions", "functions", "unity.s.f"),
        {**IN_SCHEMA, **FUNCTION, "name": "f"},
        "RESOURCE_ALREADY_EXISTS",
    ),
    Resource(
        *("models", "registered_models", "unity.s.m"),
        {**IN_SCHEMA, "name": "m"},
        "ALREADY_EXISTS",
    ),
    Resource(
        *("credentials", "credentials", "k"),
        {"name": "k", "aws_iam_role": {"role_arn": "arn:aws:iam::1:role/r"}},
        "STORAGE_CREDENTIAL_ALREADY_EXISTS",
    ),
]
each = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.path)


@each
def test_it_is_made_read_listed_and_deleted(
    uc: Any, schema: str, place: str, resource: Resource
) -> None:
    answer = made(resource.create(uc, place))
    assert answer["name"] == resource.full_name.rsplit(".", 1)[-1]
    assert (answer["owner"], answer["created_by"]) == ("admin", "admin")
    assert answer["created_at"] == answer["updated_at"] > 1_600_000_000_000
    assert made(uc.get(resource.one)) == answer
    query = IN_SCHEMA if "schema_name" in resource.body else resource.body
    listed = made(uc.get(resource.path, params={"catalog_name": "unity", **IN_SCHEMA} | query))
    assert answer in listed[resource.key]
    deleted = uc.delete(resource.one)
    assert (deleted.status_code, deleted.json()) == (200, {})
    assert uc.get(resource.one).status_code == 404
    assert uc.delete(resource.one).status_code == 404


@each
def test_a_name_is_given_once(uc: Any, schema: str, place: str, resource: Resource) -> None:
    made(resource.create(uc, place))
    answer = resource.create(uc, f"{place}-2")
    assert refusal(answer)[1] == resource.taken
    assert refusal(answer)[0] == (409 if resource.taken == "ALREADY_EXISTS" else 400)


@each
@pytest.mark.parametrize("name", ["", "a.b", "a b", "é", "x" * 256, "a/b", "a\x00", 5, None, []])
def test_other_names_are_refused(
    uc: Any, schema: str, place: str, resource: Resource, name: Any
) -> None:
    bad = Resource(resource.path, "", "", {**resource.body, "name": name}, "")
    assert refusal(bad.create(uc, place)) == (400, "INVALID_ARGUMENT")


@each
def test_what_it_must_have_is_named(uc: Any, schema: str, place: str, resource: Resource) -> None:
    for field in resource.body:
        if field in ("storage_location", "aws_iam_role", "data_source_format"):
            continue
        less = {key: value for key, value in resource.body.items() if key != field}
        answer = Resource(resource.path, "", "", less, "").create(uc, place)
        assert refusal(answer) == (400, "INVALID_ARGUMENT")
        assert field in answer.json()["message"]


CHANGED = [one for one in RESOURCES if one.path not in ("tables", "functions")]


@pytest.mark.parametrize("resource", CHANGED, ids=lambda resource: resource.path)
def test_it_can_be_changed(uc: Any, schema: str, place: str, resource: Resource) -> None:
    before = made(resource.create(uc, place))
    assert made(uc.patch(resource.one, json={}))["name"] == before["name"]
    after = made(uc.patch(resource.one, json={"comment": "new", "owner": "ada"}))
    assert (after["comment"], after["owner"]) == ("new", "ada")
    assert after["updated_at"] >= before["updated_at"]
    made(uc.patch(resource.one, json={"new_name": "renamed"}))
    assert uc.get(resource.one).status_code == 404
    path = ".".join([*resource.full_name.split(".")[:-1], "renamed"])
    assert made(uc.get(f"{resource.path}/{path}"))["comment"] == "new"
    assert refusal(uc.patch(f"{resource.path}/{path}", json={"new_name": "a.b"}))[0] == 400


def test_tables_and_functions_change_owners(uc: Any, schema: str, place: str) -> None:
    for resource in RESOURCES:
        if resource.path in ("tables", "functions"):
            made(resource.create(uc, place))
            made(uc.patch(resource.one, json={"owner": "ada"}))
            assert made(uc.get(resource.one))["owner"] == "ada"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("catalogs/none", "CATALOG_NOT_FOUND"),
        ("schemas/none.s", "CATALOG_NOT_FOUND"),
        ("schemas/unity.none", "SCHEMA_NOT_FOUND"),
        ("tables/unity.s.none", "TABLE_NOT_FOUND"),
        ("tables/unity.none.t", "SCHEMA_NOT_FOUND"),
        ("volumes/unity.s.none", "NOT_FOUND"),
        ("functions/unity.s.none", "NOT_FOUND"),
        ("models/unity.s.none", "NOT_FOUND"),
        ("models/unity.s.none/versions/1", "NOT_FOUND"),
        ("credentials/none", "NOT_FOUND"),
        ("external-locations/none", "NOT_FOUND"),
        ("nowhere", "NOT_FOUND"),
        ("metastores/none", "NOT_FOUND"),
    ],
)
def test_what_is_missing_is_said(uc: Any, schema: str, path: str, code: str) -> None:
    assert refusal(uc.get(path)) == (404, code)


@pytest.mark.parametrize(
    "path", ["tables/s.t", "tables/a.b.c.d", "tables/unity..t", "schemas/unity", "models/m"]
)
def test_a_name_of_too_few_parts_is_refused(uc: Any, schema: str, path: str) -> None:
    assert refusal(uc.get(path)) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b"null"])
@pytest.mark.parametrize("path", ["catalogs", "tables", "functions", "models/versions"])
def test_a_body_that_is_none_is_refused(uc: Any, path: str, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = uc.post(path, content=body, headers=headers)
    assert refusal(answer) == (400, "INVALID_ARGUMENT")


def test_pages(uc: Any) -> None:
    names = [f"n{number:03d}" for number in range(105)]
    made(uc.post("catalogs", json={"name": "many"}))
    for name in reversed(names):
        made(uc.post("schemas", json={"name": name, "catalog_name": "many"}))

    def page(**query: Any) -> tuple[list[str], str | None]:
        body = made(uc.get("schemas", params={"catalog_name": "many", **query}))
        return [schema["name"] for schema in body["schemas"]], body.get("next_page_token")

    assert page() == page(max_results=0) == page(max_results=1000) == (names[:100], names[99])
    assert page(page_token=names[99]) == (names[100:], None)
    assert page(max_results=5) == (names[:5], names[4])
    assert page(max_results=5, page_token="n103") == (["n104"], None)
    for bad in (-1, "x", 2**40):
        answer = uc.get("schemas", params={"catalog_name": "many", "max_results": bad})
        assert refusal(answer) == (400, "INVALID_ARGUMENT")


def test_what_holds_others_goes_by_force_only(uc: Any, schema: str, place: str) -> None:
    made(RESOURCES[2].create(uc, place))
    for path in ("schemas/unity.s", "catalogs/unity"):
        assert refusal(uc.delete(path)) == (400, "FAILED_PRECONDITION")
    made(uc.delete("schemas/unity.s", params={"force": "true"}))
    assert refusal(uc.get("tables/unity.s.t")) == (404, "SCHEMA_NOT_FOUND")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.text())
def test_any_name_is_taken_or_refused(uc: Any, name: str) -> None:
    answer = uc.post("catalogs", json={"name": name})
    if answer.status_code != 200:
        assert refusal(answer)[0] == 400
        return
    assert made(uc.get(f"catalogs/{name}"))["name"] == name
    made(uc.delete(f"catalogs/{name}"))


def test_the_metastore_tells_of_itself(uc: Any) -> None:
    summary = made(uc.get("metastore_summary"))
    assert made(uc.get(f"metastores/{summary['metastore_id']}")) == summary
    assert made(uc.get("metastores"))["metastores"] == [summary]
    assignment = made(uc.get("current-metastore-assignment"))
    assert assignment["metastore_id"] == summary["metastore_id"]
    assert assignment["default_catalog_name"] == "unity"


@pytest.mark.parametrize("path", ["catalogs/a%0Ab", "tables/unity.s.%0A", "models/m%0A/versions"])
def test_a_line_break_in_a_path_is_nothing_special(uc: Any, schema: str, path: str) -> None:
    assert refusal(uc.get(path)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/", "/api/9.9/unity-catalog/catalogs", "/favicon.ico"])
def test_where_no_api_is_an_error_has_the_vendors_shape(uc: Any, path: str) -> None:
    assert refusal(uc.get(f"http://testserver{path}")) == (404, "NOT_FOUND")
