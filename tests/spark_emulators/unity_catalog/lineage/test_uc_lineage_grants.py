"""Authorization on: lineage shows what callers may see, and says who told it."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_callers import Caller, admin_of, authorized, with_secret

SERVER = "http://testserver"
EVENTS = f"{SERVER}/api/v1/lineage"
TABLE = f"{SERVER}/api/2.0/lineage-tracking/table-lineage"
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


def test_the_history_takes_a_grant(admin: Caller, ann: Caller, tables: None) -> None:
    path = f"{SYSTEM}/access/tables/table_lineage"
    assert ann("GET", path).status_code == 403
    admin.grant("catalog", "system", "ann", "USE CATALOG", "USE SCHEMA", "SELECT")
    assert ann("GET", path).status_code == 200
    assert admin("DELETE", path).status_code == 403
