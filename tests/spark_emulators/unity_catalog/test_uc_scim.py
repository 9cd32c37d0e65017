"""SCIM: users, groups and service principals over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from catalog_callers import CONTROL, USERS, Caller, admin_of, authorized, with_secret

DATABRICKS = "/api/2.0/preview/scim/v2"
GROUPS = f"{CONTROL}/scim2/Groups"


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    return authorized(config)


@pytest.fixture
def admin(http: Any, config: dict[str, Any]) -> Caller:
    return admin_of(http, config)


def refused(answer: httpx.Response) -> int:
    body = answer.json()
    assert answer.headers["content-type"] == "application/scim+json"
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(answer.status_code)
    assert body["detail"]
    return answer.status_code


def test_a_user_lives_and_dies(admin: Caller) -> None:
    body = {
        "displayName": "Ann",
        "externalId": "x1",
        "emails": [{"value": "other@x"}, {"value": "ann@x", "primary": True}],
    }
    made = admin("POST", USERS, json=body)
    assert made.status_code == 201
    assert made.headers["content-type"] == "application/scim+json"
    user = made.json()
    assert user["emails"] == [{"value": "ann@x", "primary": True}]
    assert (user["displayName"], user["externalId"], user["active"]) == ("Ann", "x1", True)
    assert (user["userName"], user["photos"]) == ("ann@x", [])
    assert user["meta"]["resourceType"] == "User"
    one = f"{USERS}/{user['id']}"
    assert admin("GET", one).json() == user
    changed = admin("PUT", one, json={**body, "displayName": "Anna"}).json()
    assert (changed["displayName"], changed["id"]) == ("Anna", user["id"])
    off = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    assert admin("PATCH", one, json=off).json()["active"] is False
    assert admin("DELETE", one).status_code == 204
    for method, options in (("GET", {}), ("DELETE", {}), ("PATCH", {"json": off})):
        assert refused(admin(method, one, **options)) == 404


def test_lists_are_paged_and_filtered(admin: Caller) -> None:
    for name in ("b@x", "a@x"):
        admin.add_user(name)
    everybody = admin("GET", USERS).json()
    assert [user["userName"] for user in everybody["Resources"]] == ["a@x", "admin", "b@x"]
    assert (everybody["totalResults"], everybody["itemsPerPage"]) == (3, 3)
    page = admin("GET", USERS, params={"startIndex": "3", "count": "1"}).json()
    assert [user["userName"] for user in page["Resources"]] == ["b@x"]
    assert (page["totalResults"], page["startIndex"]) == (3, 3)
    for text in ('userName eq "a@x"', "emails.value eq 'a@x'", 'DisplayName Eq "a@x"'):
        found = admin("GET", USERS, params={"filter": text}).json()
        assert [user["userName"] for user in found["Resources"]] == ["a@x"], text


@pytest.mark.parametrize(
    "query", [{"filter": 'userName co "a"'}, {"filter": "x"}, {"count": "many"}]
)
def test_a_query_that_is_not_understood_is_refused(admin: Caller, query: dict[str, str]) -> None:
    assert refused(admin("GET", USERS, params=query)) == 400


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"displayName": "nameless"}', b'{"emails": "x"}', b'{"userName": 3}']
)
def test_a_body_that_is_none_is_refused(admin: Caller, body: bytes) -> None:
    assert refused(admin("POST", USERS, content=body)) == 400
    assert admin("GET", USERS).json()["totalResults"] == 1


def test_a_name_is_given_once_and_for_ever(admin: Caller) -> None:
    id = admin.add_user("ann@x")
    twice = admin("POST", USERS, json={"userName": "ann@x"})
    assert refused(twice) == 409
    assert twice.json()["scimType"] == "uniqueness"
    assert refused(admin("PUT", f"{USERS}/{id}", json={"userName": "bob@x"})) == 400


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "displayName", "value": "x"},
        {"op": "replace", "value": {"active": "no"}},
        {"op": "remove", "path": "active"},
        {"op": "replace", "value": {"active": True, "displayName": "x"}},
    ],
)
def test_only_activity_is_patched(admin: Caller, operation: dict[str, Any]) -> None:
    one = f"{USERS}/{admin.add_user('ann@x')}"
    before = admin("GET", one).json()
    assert refused(admin("PATCH", one, json={"Operations": [operation]})) == 400
    assert admin("GET", one).json() == before


def test_admin_cannot_be_locked_out(admin: Caller) -> None:
    id = admin("GET", f"{CONTROL}/scim2/Me").json()["id"]
    off = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    assert refused(admin("PATCH", f"{USERS}/{id}", json=off)) == 400
    assert refused(admin("DELETE", f"{USERS}/{id}")) == 400


def test_groups_have_members(admin: Caller) -> None:
    ann, bob = (admin.add_user(name) for name in ("ann@x", "bob@x"))
    made = admin("POST", GROUPS, json={"displayName": "team", "members": [{"value": ann}]})
    assert made.status_code == 201
    one = f"{GROUPS}/{made.json()['id']}"

    def members(*operations: dict[str, Any]) -> list[str]:
        answer = admin("PATCH", one, json={"Operations": operations})
        assert answer.status_code == 200, answer.text
        return [member["display"] for member in answer.json()["members"]]

    add_bob = {"op": "add", "path": "members", "value": [{"value": bob}]}
    assert members(add_bob) == ["ann@x", "bob@x"]
    assert members({"op": "Remove", "path": f'members[value eq "{ann}"]'}) == ["bob@x"]
    assert members({"op": "replace", "value": {"members": [{"value": ann}]}}) == ["ann@x"]
    assert members(add_bob, {"op": "remove", "path": "members", "value": [{"value": ann}]}) == [
        "bob@x"
    ]
    replaced = admin("PUT", one, json={"displayName": "team", "members": []})
    assert replaced.json()["members"] == []


def test_a_group_of_strangers_is_not_made(admin: Caller) -> None:
    body = {"displayName": "team", "members": [{"value": "nobody"}]}
    assert refused(admin("POST", GROUPS, json=body)) == 404
    assert admin("GET", GROUPS).json()["totalResults"] == 0


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "displayName", "value": "x"},
        {"op": "add", "path": "members", "value": "x"},
        {"op": "add", "path": "members", "value": [{"id": "x"}]},
        {"op": "move", "path": "members", "value": []},
    ],
)
def test_only_members_of_groups_are_patched(admin: Caller, operation: dict[str, Any]) -> None:
    made = admin("POST", GROUPS, json={"displayName": "team"}).json()
    answer = admin("PATCH", f"{GROUPS}/{made['id']}", json={"Operations": [operation]})
    assert refused(answer) == 400


def test_others_know_only_themselves(http: Any, admin: Caller) -> None:
    secret = admin.service_principal("etl")
    etl = Caller(http, with_secret(http, "etl", secret).json()["access_token"])
    for base in (f"{CONTROL}/scim2", DATABRICKS):
        me = etl("GET", f"{base}/Me").json()
        assert me["applicationId"] == "etl"
    assert refused(etl("GET", USERS)) == 403
    assert refused(etl("POST", USERS, json={"userName": "x"})) == 403
    secrets = f"/api/2.0/accounts/servicePrincipals/{me['id']}/credentials/secrets"
    assert etl("POST", secrets).status_code == 403
    unknown = "/api/2.0/accounts/servicePrincipals/none/credentials/secrets"
    assert admin("POST", unknown).status_code == 404
