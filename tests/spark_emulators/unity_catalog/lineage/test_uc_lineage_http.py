"""Lineage over HTTP: OpenLineage's transport, and Databricks' lineage API."""

import gzip
import json

import httpx
import pytest

SERVER = "http://testserver"
EVENTS = f"{SERVER}/api/v1/lineage"
TRACKING = f"{SERVER}/api/2.0/lineage-tracking"
BIG, ORDERS = "unity.sales.big", "unity.sales.orders"


@pytest.fixture
def told(http, captured):
    for event in captured:
        assert http.post(EVENTS, json=event).status_code == 200
    return http


def refused(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (status, code), answer.text
    assert body["details"] == [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code}
    ]
    return body["message"]


def test_an_event_is_answered_with_a_body(http, captured):
    answer = http.post(EVENTS, json=captured[4])
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})


def test_a_server_of_its_own_has_a_place_for_lineage(server, captured):
    answer = httpx.post(f"{server.url}/api/v1/lineage", json=captured[4])
    assert answer.status_code == 200, answer.text


def test_neighbours_of_a_table(told):
    answer = told.get(f"{TRACKING}/table-lineage", params={"table_name": BIG}).json()
    assert answer == {
        "upstreams": [
            {"tableInfo": table("customers", answer["upstreams"][0])},
            {"tableInfo": table("orders", answer["upstreams"][1])},
        ],
        "downstreams": [
            {
                "fileInfo": {
                    "path": "s3://unity/export/big",
                    "has_permission": True,
                    "lineage_timestamp": answer["downstreams"][0]["fileInfo"]["lineage_timestamp"],
                }
            }
        ],
    }


def table(name, found):
    return {
        "name": name,
        "catalog_name": "unity",
        "schema_name": "sales",
        "table_type": "TABLE",
        "lineage_timestamp": found["tableInfo"]["lineage_timestamp"],
    }


def test_times_are_as_java_prints_them(http, captured):
    for time, shown in [
        ("2025-12-01T10:11:40+01:00", "2025-12-01 09:11:40.0"),
        ("2025-12-01T09:11:40.120Z", "2025-12-01 09:11:40.12"),
    ]:
        http.post(EVENTS, json={**captured[4], "eventTime": time})
        answer = http.get(f"{TRACKING}/table-lineage", params={"table_name": BIG}).json()
        assert answer["upstreams"][0]["tableInfo"]["lineage_timestamp"] == shown


@pytest.mark.parametrize("arguments", ["params", "json"])
def test_arguments_come_as_a_query_or_as_a_body(told, arguments):
    given = {arguments: {"table_name": BIG, "include_entity_lineage": "true"}}
    [customers, _] = told.get(f"{TRACKING}/table-lineage", **given).json()["upstreams"]
    [job] = customers["jobInfos"]
    assert (job["workspace_id"], job["job_id"]) == (0, "spark_connect")
    given = {arguments: {"table_name": BIG, "column_name": "twice"}}
    answer = told.get(f"{TRACKING}/column-lineage", **given).json()
    [column] = answer["upstream_cols"]
    assert {key: column[key] for key in ("table_name", "schema_name", "catalog_name", "name")} == {
        "table_name": "orders",
        "schema_name": "sales",
        "catalog_name": "unity",
        "name": "amount",
    }
    assert answer["downstream_cols"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/lineage-tracking/table-lineage"),
        ("POST", "/lineage-tracking/column-lineage"),
        ("GET", "/lineage-tracking/volume-lineage"),
    ],
)
def test_other_endpoints_are_not_found(http, method, path):
    message = refused(http.request(method, f"{SERVER}/api/2.0{path}"), 404, "ENDPOINT_NOT_FOUND")
    assert message == f"No API found for '{method} {path}'"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "INVALID_ARGUMENT"),
        ({"table_name": "t"}, 400, "INVALID_ARGUMENT"),
        ({"table_name": "unity.s.none"}, 404, "TABLE_NOT_FOUND"),
        ({"table_name": BIG, "include_entity_lineage": "maybe"}, 400, "INVALID_ARGUMENT"),
        ({"table_name.x": BIG, "table_name": BIG}, 400, "INVALID_ARGUMENT"),
        ({"table_name": BIG, "table_name.x": BIG}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_questions_that_cannot_be_answered(http, query, status, code):
    refused(http.get(f"{TRACKING}/table-lineage", params=query), status, code)


def test_a_table_nobody_read_or_wrote_has_no_neighbours(http, make):
    make.table("t", "s")
    answer = http.get(f"{TRACKING}/table-lineage", params={"table_name": "unity.s.t"})
    assert answer.json() == {"upstreams": [], "downstreams": []}


def test_a_table_is_found_by_its_location(http, make, captured):
    location = make.table("t", "s")["metadata"]["location"]
    namespace, name = "file", location.removeprefix("file://")
    event = {**captured[4], "outputs": [{"namespace": namespace, "name": name}]}
    http.post(EVENTS, json=event)
    answer = http.get(f"{TRACKING}/table-lineage", params={"table_name": "unity.s.t"}).json()
    assert [one["tableInfo"]["name"] for one in answer["upstreams"]] == ["customers", "orders"]


def test_bodies_may_be_compressed(http, captured):
    packed = gzip.compress(json.dumps(captured[4]).encode())
    gzipped = {"content-encoding": "gzip"}
    assert http.post(EVENTS, content=packed, headers=gzipped).status_code == 200
    for content, encoding in [(b"plain", "gzip"), (packed[:50], "gzip"), (packed, "br")]:
        answer = http.post(EVENTS, content=content, headers={"content-encoding": encoding})
        refused(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"7", b'{"run": {}}', b"\xff", b"[" * 5000, b'"\\ud800"']
)
def test_what_is_no_event_is_refused(http, content):
    refused(http.post(EVENTS, content=content), 400, "INVALID_ARGUMENT")


def test_a_batch_takes_what_it_can(http, captured):
    answer = http.post(f"{EVENTS}/batch", json=[captured[4], {"run": 7}, captured[5]]).json()
    [failure] = answer.pop("failed_events")
    assert answer == {
        "status": "partial_success",
        "summary": {
            "received": 3,
            "successful": 2,
            "failed": 1,
            "retriable": 0,
            "non_retriable": 1,
        },
    }
    assert (failure["index"], failure["retriable"]) == (1, False)
    assert "eventTime" in failure["reason"]
    answer = http.get(f"{TRACKING}/table-lineage", params={"table_name": ORDERS}).json()
    assert len(answer["downstreams"]) == 1


def test_a_batch_that_succeeds_and_one_that_is_none(http, captured):
    answer = http.post(f"{EVENTS}/batch", json=[captured[4]])
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    refused(http.post(f"{EVENTS}/batch", json=captured[4]), 400, "INVALID_ARGUMENT")
