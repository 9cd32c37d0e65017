"""Delta's own API (``/delta/v1``): tables made, loaded, changed under requirements, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_uc_rest import TABLE, made

from spark_emulators.unity_catalog.delta import schema

TABLES = "catalogs/unity/schemas/s/tables"
JSON = {"Content-Type": "application/json"}
BAD = (400, "InvalidParameterValueException")
NESTED = {
    "type": "map",
    "key-type": "string",
    "value-type": {
        "type": "array",
        "element-type": {
            "type": "struct",
            "fields": [{"name": "x", "type": "short", "nullable": False, "metadata": {}}],
        },
        "contains-null": False,
    },
    "value-contains-null": True,
}


def field(name: str, type: Any = "long", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type, "nullable": True, "metadata": {}, **more}


def struct(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "struct", "fields": list(fields)}


def refusal(answer: Any) -> tuple[int, str]:
    """Status and type of an error, whose whole shape is checked."""
    [(key, error)] = answer.json().items()
    assert key == "error"
    assert set(error) == {"message", "type", "code"}, error
    assert error["code"] == answer.status_code
    return answer.status_code, error["type"]


@pytest.fixture(autouse=True)
def in_schema(uc: Any) -> None:
    """Where all tables are."""
    made(uc.post("schemas", json={"name": "s", "catalog_name": "unity"}))


def external(tmp_path: Path, **more: Any) -> dict[str, Any]:
    return {
        "name": "e",
        "location": f"file://{tmp_path}/warehouse/elsewhere/e",
        "table-type": "EXTERNAL",
        "columns": struct(field("id"), field("day", "date")),
        "protocol": {"min-reader-version": 1, "min-writer-version": 2},
        "properties": {"k": "v"},
        "last-commit-timestamp-ms": 1_700_000_000_000,
        **more,
    }


def staged(delta: Any, name: str = "m") -> tuple[dict[str, Any], dict[str, Any]]:
    """What is told of a staged table, and the body that makes it a table."""
    told = made(delta.post("catalogs/unity/schemas/s/staging-tables", json={"name": name}))
    return told, {
        "name": name,
        "location": told["location"],
        "table-type": "MANAGED",
        "columns": struct(field("id")),
        "protocol": told["required-protocol"],
        "properties": told["required-properties"],
        "last-commit-timestamp-ms": 1_700_000_000_000,
    }


@pytest.fixture
def managed(delta: Any) -> dict[str, Any]:
    return made(delta.post(TABLES, json=staged(delta)[1]))


def load(delta: Any, name: str = "m") -> dict[str, Any]:
    return made(delta.get(f"{TABLES}/{name}"))


def versions(table: dict[str, Any]) -> tuple[list[int], int]:
    return [one["version"] for one in table["commits"]], table["latest-table-version"]


def test_the_configuration_names_what_is_served(delta: Any) -> None:
    told = made(delta.get("config?catalog=unity&protocol-versions=1.1,2.3"))
    assert told["protocol-version"] == "1.0"
    for entry in told["endpoints"]:
        method, path = entry.split()
        answer = delta.request(method, path.removeprefix("/v1/"))
        # what nobody serves is another 404
        if method != "HEAD":
            assert "no API answers" not in answer.text, entry


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("catalog=unity", BAD),
        ("protocol-versions=1.0", BAD),
        ("catalog=unity&protocol-versions=2.0", BAD),
        ("catalog=unity&protocol-versions=one", BAD),
        ("catalog=unity&protocol-versions=", BAD),
        ("catalog=none&protocol-versions=1.0", (404, "NoSuchCatalogException")),
    ],
)
def test_a_wrong_question_about_it(delta: Any, query: str, refused: Any) -> None:
    assert refusal(delta.get(f"config?{query}")) == refused


def test_an_external_table_is_the_same_through_both_apis(
    delta: Any, uc: Any, tmp_path: Path
) -> None:
    columns = struct(
        field("id", nullable=False, metadata={"comment": "its key", "delta.x": 1}),
        field("price", "decimal(10,2)"),
        field("day", "date"),
        field("nested", NESTED),
    )
    body = external(
        tmp_path,
        columns=columns,
        **{"partition-columns": ["DAY"], "comment": "all of it"},
        protocol={
            "min-reader-version": 3,
            "min-writer-version": 7,
            "reader-features": ["deletionVectors"],
            "writer-features": ["deletionVectors", "clustering"],
        },
        **{"domain-metadata": {"delta.clustering": {"clusteringColumns": [["a", "b"]]}}},
    )
    told = made(delta.post(TABLES, json=body))
    metadata = told["metadata"]
    assert metadata["columns"] == columns
    assert metadata["partition-columns"] == ["day"]
    assert (metadata["last-commit-version"], metadata["last-commit-timestamp-ms"]) == (
        *(0, 1_700_000_000_000),
    )
    assert metadata["properties"] == {
        "k": "v",
        "delta.minReaderVersion": "3",
        "delta.minWriterVersion": "7",
        "delta.feature.deletionVectors": "supported",
        "delta.feature.clustering": "supported",
        "delta.clusteringColumns": '[["a","b"]]',
        "delta.lastUpdateVersion": "0",
        "delta.lastCommitTimestamp": "1700000000000",
    }
    assert "commits" not in told
    assert load(delta, "e") == told
    info = made(uc.get("tables/unity.s.e"))
    assert (info["table_id"], info["comment"]) == (metadata["table-uuid"], "all of it")
    assert [(one["name"], one["type_text"]) for one in info["columns"]] == [
        ("id", "bigint"),
        ("price", "decimal(10,2)"),
        ("day", "date"),
        ("nested", "map<string,array<struct<x:smallint>>>"),
    ]
    assert info["columns"][0]["comment"] == "its key"
    assert info["columns"][2]["partition_index"] == 0
    spark_type = json.loads(info["columns"][3]["type_json"])["type"]
    assert spark_type["valueType"]["elementType"]["fields"][0]["type"] == "short"


def test_what_another_api_made_is_loaded(delta: Any, uc: Any, tmp_path: Path) -> None:
    place = f"file://{tmp_path}/warehouse/elsewhere"
    spark = {**TABLE["columns"][0], "type_json": json.dumps(field("a", "integer"))}
    for name, column in (("good", spark), ("poor", TABLE["columns"][0])):
        body = {**TABLE, "data_source_format": "DELTA", "name": name, "columns": [column]}
        made(uc.post("tables", json={**body, "storage_location": f"{place}/{name}"}))
    assert load(delta, "good")["metadata"]["columns"] == struct(field("a", "integer"))
    assert load(delta, "poor")["metadata"]["columns"] == struct()


def test_tables_of_other_formats_are_another_apis(delta: Any, uc: Any, tmp_path: Path) -> None:
    place = f"file://{tmp_path}/warehouse/elsewhere/csv"
    csv = made(uc.post("tables", json={**TABLE, "name": "csv", "storage_location": place}))
    required = {"type": "assert-table-uuid", "uuid": csv["table_id"]}
    comment = {"action": "set-table-comment", "comment": "x"}
    change = {"requirements": [required], "updates": [comment]}
    for answer in (
        delta.get(f"{TABLES}/csv"),
        delta.get(f"{TABLES}/csv/credentials?operation=READ"),
        delta.post(f"{TABLES}/csv", json=change),
        delta.post(f"{TABLES}/csv/rename", json={"new-name": "x"}),
    ):
        assert refusal(answer) == (400, "UnsupportedTableFormatException")
    assert delta.head(f"{TABLES}/csv").status_code == 204


def test_a_managed_table_begins_where_it_was_staged(delta: Any, uc: Any) -> None:
    told, body = staged(delta)
    assert told["table-type"] == "MANAGED"
    assert told["required-properties"]["io.unitycatalog.tableId"] == told["table-id"]
    assert "inCommitTimestamp" in told["required-protocol"]["writer-features"]
    assert told["suggested-properties"]["delta.columnMapping.maxColumnId"] is None
    [credential] = told["storage-credentials"]
    assert (credential["prefix"], credential["operation"]) == (told["location"], "READ_WRITE")
    again = made(delta.get(f"staging-tables/{told['table-id']}/credentials"))
    assert again["storage-credentials"][0]["prefix"] == told["location"]
    assert delta.head(f"{TABLES}/m").status_code == 404

    table = made(delta.post(TABLES, json=body))
    assert table["metadata"]["table-uuid"] == told["table-id"]
    assert versions(table) == ([], 0)
    assert delta.head(f"{TABLES}/m").status_code == 204
    assert made(uc.get("tables/unity.s.m"))["table_type"] == "MANAGED"
    gone = delta.get(f"staging-tables/{told['table-id']}/credentials")
    assert refusal(gone) == (404, "NoSuchTableException")
    assert refusal(delta.post(TABLES, json=body)) == BAD


def without(values: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


@pytest.mark.parametrize(
    "break_it",
    [
        lambda body: {"protocol": {**body["protocol"], "min-reader-version": 2}},
        lambda body: {"protocol": {**body["protocol"], "reader-features": ["v2Checkpoint"]}},
        lambda body: {"protocol": {**body["protocol"], "writer-features": []}},
        lambda body: {"protocol": without(body["protocol"], "min-writer-version")},
        lambda body: {"properties": without(body["properties"], "delta.checkpointPolicy")},
        lambda body: {"properties": without(body["properties"], "io.unitycatalog.tableId")},
        lambda body: {"properties": {**body["properties"], "io.unitycatalog.tableId": "x"}},
        lambda _: {"domain-metadata": {"delta.rowTracking": {"rowIdHighWaterMark": 1}}},
        lambda _: {"columns": struct()},
        lambda _: {"columns": struct(field("a"), field("A"))},
        lambda _: {"columns": struct(field("a", "interval"))},
        lambda _: {"columns": struct(field("a", {"type": "array"}))},
        lambda _: {"columns": struct(without(field("a"), "metadata"))},
        lambda _: {"partition-columns": ["none"]},
        lambda _: {"partition-columns": ["id", "ID"]},
        lambda _: {"name": "with.dot"},
        lambda _: {"location": "relative"},
        lambda _: {"location": None},
        lambda _: {"table-type": "VIEW"},
        lambda _: {"last-commit-timestamp-ms": "soon"},
        lambda _: {"uniform": {"iceberg": {}}},
    ],
)
def test_what_is_no_managed_table_is_not_made(delta: Any, break_it: Any) -> None:
    _, body = staged(delta)
    refused = refusal(delta.post(TABLES, json={**body, **break_it(body)}))
    assert refused in (BAD, (400, "BadRequestException"))
    assert delta.head(f"{TABLES}/m").status_code == 404
    made(delta.post(TABLES, json=body))


def test_names_are_taken_once(delta: Any, tmp_path: Path) -> None:
    made(delta.post(TABLES, json=external(tmp_path)))
    taken = external(tmp_path, location=f"file://{tmp_path}/warehouse/elsewhere/f")
    assert refusal(delta.post(TABLES, json=taken)) == (409, "AlreadyExistsException")
    made(delta.post(TABLES, json={**taken, "name": "f"}))
    renamed = delta.post(f"{TABLES}/f/rename", json={"new-name": "e"})
    assert refusal(renamed) == (409, "AlreadyExistsException")
    assert delta.post(f"{TABLES}/f/rename", json={"new-name": "g"}).status_code == 204
    assert load(delta, "g")["metadata"]["location"] == taken["location"]
    assert refusal(delta.post(f"{TABLES}/g/rename", json={"new-name": "a.b"})) == BAD
    assert delta.delete(f"{TABLES}/g").status_code == 204
    assert refusal(delta.get(f"{TABLES}/g")) == (404, "NoSuchTableException")
    assert refusal(delta.delete(f"{TABLES}/g")) == (404, "NoSuchTableException")


def test_what_is_missing(delta: Any) -> None:
    for path, name in (
        ("catalogs/none/schemas/s/tables/t", "NoSuchCatalogException"),
        ("catalogs/unity/schemas/none/tables/t", "NoSuchSchemaException"),
        (f"{TABLES}/none", "NoSuchTableException"),
        (f"{TABLES}/none/credentials?operation=READ", "NoSuchTableException"),
        ("staging-tables/none/credentials", "NoSuchTableException"),
        ("elsewhere", "NotFoundException"),
    ):
        assert refusal(delta.get(path)) == (404, name)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (401, "NotAuthorizedException"),
        (409, "CommitVersionConflictException"),
        (429, "TooManyRequestsException"),
        (500, "InternalServerErrorException"),
        (503, "InternalServerErrorException"),
    ],
)
def test_a_fault_has_the_apis_own_shape(delta: Any, code: int, name: str) -> None:
    rule = {"effect": "refuse", "path": "*/delta/v1/*", "code": code, "times": 1}
    made(delta.post("http://testserver/emulator/faults", json=rule))
    assert refusal(delta.get(f"{TABLES}/t")) == (code, name)
    assert refusal(delta.get(f"{TABLES}/t")) == (404, "NoSuchTableException")


def test_metrics_are_of_the_table_they_are_sent_to(delta: Any, managed: dict[str, Any]) -> None:
    report = {"commit-report": {"num-files-added": 1}}
    body = {"table-id": managed["metadata"]["table-uuid"], "report": report}
    assert delta.post(f"{TABLES}/m/metrics", json=body).status_code == 204
    other = {**body, "table-id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}
    assert refusal(delta.post(f"{TABLES}/m/metrics", json=other)) == BAD
    assert refusal(delta.post(f"{TABLES}/m/metrics", json={})) == BAD


def test_credentials_of_files_on_this_machine_are_empty(
    delta: Any, managed: dict[str, Any], tmp_path: Path
) -> None:
    location = managed["metadata"]["location"]
    free = f"file://{tmp_path}/warehouse/elsewhere/free"
    for path, place in (
        (f"{TABLES}/m/credentials?operation=READ", location),
        (f"{TABLES}/m/credentials?operation=READ_WRITE", location),
        (f"temporary-path-credentials?location={free}&operation=READ_WRITE", free),
        (f"temporary-path-credentials?location={location}/x&operation=READ", f"{location}/x"),
    ):
        [one] = made(delta.get(path))["storage-credentials"]
        assert (one["prefix"], one["config"]) == (place, {})
        assert one["operation"] == path.rpartition("=")[2]
    assert refusal(delta.get(f"{TABLES}/m/credentials?operation=PATH_READ")) == BAD
    assert refusal(delta.get(f"{TABLES}/m/credentials")) == BAD


@pytest.mark.parametrize("levels", [100, 900, 50_000])
def test_a_body_that_is_none(delta: Any, managed: dict[str, Any], levels: int) -> None:
    assert refusal(delta.post(TABLES, content="{", headers=JSON)) == (400, "BadRequestException")
    assert refusal(delta.post(TABLES, content="[]", headers=JSON))[0] == 400
    deep = '{"type":"array","contains-null":true,"element-type":' * levels + '"long"' + "}" * levels
    columns = f'{{"name":"x","columns":{deep}}}'
    answer = delta.post(TABLES, content=columns, headers=JSON)
    assert refusal(answer)[0] == 400


PRIMITIVES = st.sampled_from(
    [
        *("boolean", "byte", "short", "integer", "long", "float", "double", "date", "timestamp"),
        *("timestamp_ntz", "string", "binary", "variant", "decimal(38,18)"),
    ]
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(
            lambda kind, null: {"type": "array", "element-type": kind, "contains-null": null},
            *(inner, st.booleans()),
        ),
        st.builds(
            lambda key, value, null: {
                "type": "map",
                "key-type": key,
                "value-type": value,
                "value-contains-null": null,
            },
            *(inner, inner, st.booleans()),
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: struct(*(field(f"f{n}", kind) for n, kind in enumerate(kinds)))
        ),
    )


METADATA = st.dictionaries(
    # what a writer keeps there may look like a type's own keys
    st.sampled_from(["comment", "delta.columnMapping.id", "elementType", "element-type"]),
    st.one_of(st.integers(), st.text(), st.booleans()),
)
FIELDS = st.lists(
    st.builds(
        lambda kind, null, more: field("", kind, nullable=null, metadata=more),
        *(st.recursive(PRIMITIVES, _nested, max_leaves=8), st.booleans(), METADATA),
    ),
    min_size=1,
    max_size=5,
)


@given(FIELDS, st.data())
def test_a_schema_survives(fields: list[dict[str, Any]], data: st.DataObject) -> None:
    named = [{**one, "name": f"C{number}"} for number, one in enumerate(fields)]
    names = [one["name"] for one in named]
    parts = data.draw(st.lists(st.sampled_from(names), unique=True))
    columns = schema.columns(named, [part.lower() for part in parts])
    assert schema.fields(columns) == named
    assert schema.partitions(columns) == parts
