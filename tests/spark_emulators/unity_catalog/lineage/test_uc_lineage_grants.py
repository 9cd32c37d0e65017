"""Authorization on: lineage shows what callers may see, and says who told it."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_callers import Caller, admin_of, authorized, with_secret

SERVER = "http://testserver"
EVENTS = f"{SERVER}/api/v1/lineage"
TRACKING = f"{SERVER}/api/2.0/lineage-tracking"
TABLE = f"{TRACKING}/table-lineage"
SYSTEM = f"{SERVER}/api/2.1/unity-catalog/iceberg/v1/catalogs/system/namespaces"
SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "id", "required": False, "type": "long"}]}
BIG, CUSTOMERS = "unity.sales.big", "unity.sales.customers"


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    return authorized(config)


@pytest.fixture
def admin(http: Any, config: dict[str, Any]) -> Caller:
    return admin_of(http, config)


@pytest.fixture
def ann(http: Any, admin: Caller) -> Caller:
    secret = admin.service_principal("ann")
    return Caller(http, with_secret(http, "ann", secret).json()["access_token"])


@pytest.fixture
def tables(admin: Caller, captured: list[dict[str, Any]]) -> None:
    """The tables of the events, and the events."""
    admin("POST", "namespaces", json={"namespace": ["sales"]})
    for name in ("orders", "customers", "big"):
        made = admin("POST", "namespaces/sales/tables", json={"name": name, "schema": SCHEMA})
        assert made.status_code == 200, made.text
    for event in captured[:5]:
        assert admin("POST", EVENTS, json=event).status_code == 200


def upstream(caller: Caller, table: str) -> list[str]:
    answer = caller("GET", TABLE, params={"table_name": table})
    assert answer.status_code == 200, answer.text
    return [one["tableInfo"]["name"] for one in answer.json()["upstreams"]]


def test_nobody_tells_or_asks_without_a_token(http: Any, captured: list[dict[str, Any]]) -> None:
    for answer in (http.post(EVENTS, json=captured[4]), http.get(TABLE)):
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_a_table_that_may_not_be_seen_is_not_there(
    admin: Caller, ann: Caller, tables: None
) -> None:
    assert upstream(admin, BIG) == ["customers", "orders"]
    answer = ann("GET", TABLE, params={"table_name": BIG})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "TABLE_NOT_FOUND")
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA")
    admin.grant("table", BIG, "ann", "SELECT")
    assert upstream(ann, BIG) == []
    admin.grant("table", CUSTOMERS, "ann", "SELECT")
    assert upstream(ann, BIG) == ["customers"]


def test_of_a_table_that_is_gone_only_the_owner_of_all_knows(
    admin: Caller, ann: Caller, tables: None
) -> None:
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA", "SELECT")
    assert upstream(ann, BIG) == ["customers", "orders"]
    assert admin("DELETE", "namespaces/sales/tables/customers").status_code == 204
    assert upstream(ann, BIG) == ["orders"]
    assert upstream(admin, BIG) == ["customers", "orders"]


def test_nobody_tells_of_writes_that_it_may_not_do(
    admin: Caller, ann: Caller, captured: list[dict[str, Any]]
) -> None:
    admin("POST", "namespaces", json={"namespace": ["sales"]})
    for name in ("orders", "customers", "big"):
        admin("POST", "namespaces/sales/tables", json={"name": name, "schema": SCHEMA})
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA", "SELECT")
    for event in captured[:5]:
        assert ann("POST", EVENTS, json=event).status_code == 200
    assert upstream(admin, BIG) == []
    admin.grant("table", BIG, "ann", "MODIFY")
    for event in captured[:5]:
        assert ann("POST", EVENTS, json=event).status_code == 200
    assert upstream(admin, BIG) == ["customers", "orders"]


def test_what_is_outside_is_its_owners(admin: Caller, ann: Caller, tables: None) -> None:
    metadata, lineage = f"{TRACKING}/external-metadata", f"{TRACKING}/external-lineage"
    body = {"name": "board", "system_type": "TABLEAU", "entity_type": "dashboard"}
    assert ann("POST", metadata, json=body).status_code == 403
    assert admin("POST", metadata, json=body).status_code == 200
    board = f"{metadata}/board"
    change = {"params": {"update_mask": "url"}, "json": {"url": "https://x"}}
    assert ann("PATCH", board, **change).status_code == 403
    assert ann("DELETE", board).status_code == 403
    flows = {"source": {"table": {"name": BIG}}, "target": {"external_metadata": {"name": "board"}}}
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA", "SELECT")
    assert ann("POST", lineage, json=flows).status_code == 403
    given = {"params": {"update_mask": "owner"}, "json": {"owner": "ann"}}
    assert admin("PATCH", board, **given).status_code == 200
    made = ann("POST", lineage, json=flows)
    assert made.status_code == 200, made.text
    into = {"source": flows["target"], "target": flows["source"]}
    refused = ann("POST", lineage, json=into)
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert ann("PATCH", board, **change).status_code == 200
    removed = {"external_lineage_relationship": flows}
    assert ann("DELETE", lineage, json=removed).status_code == 200
    assert ann("DELETE", board).status_code == 200


def test_a_hidden_tables_relationships_are_hidden(admin: Caller, ann: Caller, tables: None) -> None:
    body = {"name": "board", "system_type": "TABLEAU", "entity_type": "dashboard"}
    admin("POST", f"{TRACKING}/external-metadata", json=body)
    flows = {"source": {"table": {"name": BIG}}, "target": {"external_metadata": {"name": "board"}}}
    assert admin("POST", f"{TRACKING}/external-lineage", json=flows).status_code == 200
    asked = {"object_info.table.name": BIG, "lineage_direction": "DOWNSTREAM"}
    assert admin("GET", f"{TRACKING}/external-lineage", params=asked).status_code == 200
    answer = ann("GET", f"{TRACKING}/external-lineage", params=asked)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "TABLE_NOT_FOUND")


def test_the_history_takes_a_grant(admin: Caller, ann: Caller, tables: None) -> None:
    path = f"{SYSTEM}/access/tables/table_lineage"
    assert ann("GET", path).status_code == 403
    admin.grant("catalog", "system", "ann", "USE CATALOG", "USE SCHEMA", "SELECT")
    assert ann("GET", path).status_code == 200
    assert admin("DELETE", path).status_code == 403
