"""Authorization on: every route of the Iceberg door, and permissions, by what callers have."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from catalog_callers import UC, Caller, admin_of, authorized, with_secret

from spark_emulators.unity_catalog.paths import MOUNTS

SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "id", "required": False, "type": "long"}]}
SET = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"a": "b"}}]}


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    return authorized(config)


@pytest.fixture
def admin(http: Any, config: dict[str, Any]) -> Caller:
    return admin_of(http, config)


def somebody(http: Any, admin: Caller, name: str) -> Caller:
    secret = admin.service_principal(name)
    return Caller(http, with_secret(http, name, secret).json()["access_token"])


@pytest.fixture
def ann(http: Any, admin: Caller) -> Caller:
    return somebody(http, admin, "ann")


@pytest.fixture
def bob(http: Any, admin: Caller) -> Caller:
    return somebody(http, admin, "bob")


@pytest.fixture
def table(admin: Caller, bob: Caller) -> str:
    """The path of ``unity.s.t``, which bob made in admin's schema."""
    assert admin("POST", "namespaces", json={"namespace": ["s"]}).status_code == 200
    admin.grant("catalog", "unity", "bob", "USE CATALOG", "USE SCHEMA", "CREATE TABLE")
    made = bob("POST", "namespaces/s/tables", json={"name": "t", "schema": SCHEMA})
    assert made.status_code == 200, made.text
    return "namespaces/s/tables/t"


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["type"]


FORBIDDEN = (403, "ForbiddenException")


def test_the_configuration_needs_the_catalog(admin: Caller, ann: Caller) -> None:
    url = f"{MOUNTS[0]}/v1/config"
    query = {"warehouse": "unity"}
    refused = ann("GET", url, params=query)
    assert kind(refused) == FORBIDDEN
    message = refused.json()["error"]["message"]
    assert "ann may not see the catalog: catalog unity" in message
    assert "USE CATALOG on catalog unity" in message
    admin.grant("catalog", "unity", "ann", "USE CATALOG")
    assert ann("GET", url, params=query).status_code == 200


def test_what_is_missing_is_missing_before_it_is_forbidden(ann: Caller) -> None:
    url = f"{MOUNTS[0]}/v1/config"
    assert kind(ann("GET", url, params={"warehouse": "nope"}))[0] == 404
    assert kind(ann("GET", "namespaces/nope")) == (404, "NoSuchNamespaceException")


def test_schemas_go_by_their_rules(admin: Caller, ann: Caller) -> None:
    assert kind(ann("POST", "namespaces", json={"namespace": ["mine"]})) == FORBIDDEN
    admin.grant("catalog", "unity", "ann", "USE_CATALOG", "CREATE_SCHEMA")
    assert ann("POST", "namespaces", json={"namespace": ["mine"]}).status_code == 200
    assert admin("POST", "namespaces", json={"namespace": ["hers"]}).status_code == 200
    assert ann("GET", "namespaces").json()["namespaces"] == [["mine"]]
    assert len(admin("GET", "namespaces").json()["namespaces"]) == 2
    update = {"updates": {"a": "b"}}
    assert ann("POST", "namespaces/mine/properties", json=update).status_code == 200
    for method, path, body in (
        ("GET", "namespaces/hers", None),
        ("POST", "namespaces/hers/properties", update),
        ("DELETE", "namespaces/hers", None),
    ):
        assert kind(ann(method, path, json=body)) == FORBIDDEN
    assert ann("HEAD", "namespaces/hers").status_code == 403
    assert ann("DELETE", "namespaces/mine").status_code == 204


def test_a_reader_loads_and_cannot_change(admin: Caller, ann: Caller, table: str) -> None:
    admin.grant("catalog", "unity", "ann", "USE CATALOG")
    assert ann("GET", "namespaces/s/tables").json()["identifiers"] == []
    assert kind(ann("GET", table)) == FORBIDDEN
    admin.grant("schema", "unity.s", "ann", "USE SCHEMA")
    admin.grant("table", "unity.s.t", "ann", "SELECT")
    assert [one["name"] for one in ann("GET", "namespaces/s/tables").json()["identifiers"]] == ["t"]
    assert ann("GET", table).status_code == 200
    assert ann("HEAD", table).status_code == 204
    before = ann("GET", table).json()["metadata-location"]
    rename = {
        "source": {"namespace": ["s"], "name": "t"},
        "destination": {"namespace": ["s"], "name": "u"},
    }
    change = {**SET, "identifier": {"namespace": ["s"], "name": "t"}}
    for method, path, body in (
        ("POST", table, SET),
        ("DELETE", table, None),
        ("POST", "tables/rename", rename),
        ("POST", "transactions/commit", {"table-changes": [change]}),
        ("POST", "namespaces/s/tables", {"name": "u", "schema": SCHEMA}),
        ("POST", "namespaces/s/tables", {"name": "t", "schema": SCHEMA, "stage-create": True}),
        ("POST", "namespaces/s/register", {"name": "u", "metadata-location": before}),
        (
            "POST",
            "namespaces/s/register",
            {"name": "t", "metadata-location": before, "overwrite": True},
        ),
    ):
        assert kind(ann(method, path, json=body)) == FORBIDDEN, path
    assert ann("GET", table).json()["metadata-location"] == before


def test_modify_commits(admin: Caller, ann: Caller, table: str) -> None:
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA", "SELECT", "MODIFY")
    changed = ann("POST", table, json=SET)
    assert changed.json()["metadata"]["properties"]["a"] == "b"
    assert kind(ann("DELETE", table)) == FORBIDDEN


def test_owners_do_as_they_like_with_what_is_theirs(bob: Caller, table: str) -> None:
    assert bob("GET", table).status_code == 200
    assert bob("POST", table, json=SET).status_code == 200
    rename = {
        "source": {"namespace": ["s"], "name": "t"},
        "destination": {"namespace": ["s"], "name": "u"},
    }
    assert bob("POST", "tables/rename", json=rename).status_code == 204
    assert bob("DELETE", "namespaces/s/tables/u").status_code == 204


def test_the_catalogs_owner_drops_what_it_cannot_read(admin: Caller, table: str) -> None:
    assert admin("HEAD", table).status_code == 204
    assert kind(admin("GET", table)) == FORBIDDEN
    assert admin("DELETE", table).status_code == 204


def test_a_transaction_that_may_change_one_of_two_changes_none(
    admin: Caller, ann: Caller, bob: Caller, table: str
) -> None:
    made = bob("POST", "namespaces/s/tables", json={"name": "u", "schema": SCHEMA})
    assert made.status_code == 200
    admin.grant("schema", "unity.s", "ann", "USE SCHEMA")
    admin.grant("catalog", "unity", "ann", "USE CATALOG")
    admin.grant("table", "unity.s.t", "ann", "SELECT", "MODIFY")
    changes = [{**SET, "identifier": {"namespace": ["s"], "name": name}} for name in ("t", "u")]
    refused = ann("POST", "transactions/commit", json={"table-changes": changes})
    assert kind(refused) == FORBIDDEN
    assert "a" not in ann("GET", table).json()["metadata"]["properties"]


def test_a_groups_members_have_what_it_has(admin: Caller, ann: Caller, table: str) -> None:
    groups = "/api/2.0/preview/scim/v2/Groups"
    me = ann("GET", "/api/2.0/preview/scim/v2/Me").json()
    made = admin(
        "POST", groups, json={"displayName": "readers", "members": [{"value": me["id"]}]}
    ).json()
    admin.grant("catalog", "unity", "readers", "USE CATALOG", "USE SCHEMA", "SELECT")
    assert ann("GET", table).status_code == 200
    remove = {"op": "remove", "path": f'members[value eq "{me["id"]}"]'}
    left = admin("PATCH", f"{groups}/{made['id']}", json={"Operations": [remove]})
    assert left.json()["members"] == []
    assert kind(ann("GET", table)) == FORBIDDEN


def test_what_is_taken_is_gone_at_once(admin: Caller, ann: Caller, table: str) -> None:
    admin.grant("catalog", "unity", "ann", "USE CATALOG", "USE SCHEMA", "SELECT")
    assert ann("GET", table).status_code == 200
    changes = [{"principal": "ann", "remove": ["SELECT"]}]
    admin("PATCH", f"{UC}/permissions/catalog/unity", json={"changes": changes})
    assert kind(ann("GET", table)) == FORBIDDEN
