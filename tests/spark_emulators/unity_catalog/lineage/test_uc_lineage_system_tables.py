"""``system.access``: the history of lineage as tables that anyone reads and nobody writes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from pyiceberg.table import StaticTable

EVENTS = "http://testserver/api/v1/lineage"
ICEBERG = "http://testserver/api/2.1/unity-catalog/iceberg/v1/catalogs/system/namespaces"
UC = "http://testserver/api/2.1/unity-catalog"
BIG, ORDERS, CUSTOMERS = "unity.sales.big", "unity.sales.orders", "unity.sales.customers"

VIEW = {
    "name": "v",
    "schema": {"type": "struct", "fields": []},
    "properties": {},
    "view-version": {
        "version-id": 1,
        "timestamp-ms": 1,
        "schema-id": 0,
        "summary": {},
        "default-namespace": ["access"],
        "representations": [{"type": "sql", "sql": "select 1", "dialect": "spark"}],
    },
}


def load(http, name):
    answer = http.get(f"{ICEBERG}/access/tables/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def read(http, name="table_lineage"):
    location = load(http, name)["metadata-location"]
    return StaticTable.from_metadata(location).scan().to_arrow().to_pylist()


def pairs(rows):
    return [(row["source_table_full_name"], row["target_table_full_name"]) for row in rows]


def test_an_event_is_a_row_for_each_edge(http, captured):
    http.post(EVENTS, json=captured[4])
    rows = sorted(read(http), key=lambda row: row["source_table_name"])
    assert pairs(rows) == [(CUSTOMERS, BIG), (ORDERS, BIG)]
    row = rows[0]
    time = datetime.fromisoformat(captured[4]["eventTime"].replace("Z", "+00:00"))
    assert row["event_time"] == time.astimezone(timezone.utc)
    assert row["event_date"] == time.date()
    assert row["event_id"] == captured[4]["run"]["runId"]
    assert row["entity_type"] == "JOB"
    assert row["entity_metadata"]["job_info"] == {
        "job_id": "spark_connect",
        "job_run_id": captured[4]["run"]["facets"]["parent"]["run"]["runId"],
    }
    assert (row["source_type"], row["target_type"]) == ("TABLE", "TABLE")
    assert (row["target_table_schema"], row["target_path"]) == ("sales", None)
    assert (row["created_by"], row["direct_access"]) == ("admin", True)


def test_columns_have_a_table_of_their_own(http, captured):
    http.post(EVENTS, json=captured[4])
    found = {
        (row["source_table_name"], row["source_column_name"], row["target_column_name"])
        for row in read(http, "column_lineage")
    }
    assert found == {
        ("customers", "name", "name"),
        ("customers", "name", "loud"),
        ("orders", "amount", "twice"),
    }


def test_reads_and_paths(http, captured):
    http.post(EVENTS, json={**captured[4], "outputs": []})
    http.post(EVENTS, json=captured[5])
    read_only, _, to_path = sorted(read(http), key=lambda row: row["source_table_full_name"])[::-1]
    assert read_only["target_type"] is None
    assert (to_path["target_type"], to_path["target_path"]) == ("PATH", "s3://unity/export/big")


def test_it_is_brought_up_to_date_when_it_is_loaded(http, captured):
    assert read(http) == []
    http.post(EVENTS, json=captured[4])
    assert len(read(http)) == 2
    before = load(http, "table_lineage")["metadata-location"]
    assert load(http, "table_lineage")["metadata-location"] == before
    http.post(EVENTS, json=captured[5])
    assert len(read(http)) == 3
    assert read(http, "column_lineage")


def test_many_load_it_at_once(http, captured):
    http.post(EVENTS, json=captured[4])
    with ThreadPoolExecutor(8) as readers:
        for rows in readers.map(lambda _: read(http), range(8)):
            assert len(rows) == 2


def test_it_is_listed(http):
    assert http.get(ICEBERG).json()["namespaces"] == [["access"]]
    listed = http.get(f"{ICEBERG}/access/tables").json()["identifiers"]
    assert [one["name"] for one in listed] == ["column_lineage", "table_lineage"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"namespace": ["mine"]}),
        ("DELETE", "/access", None),
        ("POST", "/access/properties", {"updates": {"a": "b"}}),
        ("POST", "/access/tables", {"name": "t", "schema": {"type": "struct", "fields": []}}),
        ("POST", "/access/tables/table_lineage", {"requirements": [], "updates": []}),
        ("DELETE", "/access/tables/table_lineage", None),
        ("POST", "/access/views", VIEW),
        ("POST", "/access/register", {"name": "t", "metadata-location": "file:///x"}),
        (
            "POST",
            "/../tables/rename",
            {
                "source": {"namespace": ["access"], "name": "table_lineage"},
                "destination": {"namespace": ["access"], "name": "mine"},
            },
        ),
    ],
)
def test_nobody_writes_to_it_through_iceberg(http, method, path, body):
    url = f"{ICEBERG}{path}".replace("/namespaces/..", "")
    answer = http.request(method, url, json=body)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["type"] == "ForbiddenException"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/catalogs/system?force=true", None),
        ("PATCH", "/catalogs/system", {"comment": "mine"}),
        ("POST", "/schemas", {"catalog_name": "system", "name": "mine"}),
        ("DELETE", "/schemas/system.access?force=true", None),
        ("DELETE", "/tables/system.access.table_lineage", None),
    ],
)
def test_nor_through_unity_catalogs_api(http, method, path, body):
    answer = http.request(method, f"{UC}{path}", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
