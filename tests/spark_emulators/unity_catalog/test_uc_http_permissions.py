"""Permissions over HTTP: spelling, errors, inheritance, and who sees whose."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from catalog_callers import UC, Caller, admin_of, authorized, with_secret

SDK = {"User-Agent": "unknown/0.0.0 databricks-sdk-py/0.162.0 python/3.11.7 os/linux"}


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    return authorized(config)


@pytest.fixture
def admin(http: Any, config: dict[str, Any]) -> Caller:
    admin = admin_of(http, config)
    for name in ("ann", "bob"):
        admin.service_principal(name)
    return admin


def patch(caller: Caller, name: str, *changes: dict[str, Any], **options: Any) -> httpx.Response:
    return caller("PATCH", f"{UC}/permissions/{name}", json={"changes": changes}, **options)


def error(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"error_code", "message", "details"}
    assert body["details"] == [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": body["error_code"]}
    ]
    return answer.status_code, body["error_code"]


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {one["principal"]: one["privileges"] for one in answer.json()["privilege_assignments"]}


def test_an_answer_names_only_whom_the_change_did(admin: Caller) -> None:
    patch(admin, "catalog/unity", {"principal": "bob", "add": ["SELECT"]})
    answer = patch(
        admin, "catalog/unity", {"principal": "ann", "add": ["USE CATALOG"], "remove": []}
    )
    assert told(answer) == {"ann": ["USE CATALOG"]}
    everybody = admin("GET", f"{UC}/permissions/catalog/unity")
    assert told(everybody) == {"ann": ["USE CATALOG"], "bob": ["SELECT"]}
    only = admin("GET", f"{UC}/permissions/catalog/unity", params={"principal": "bob"})
    assert told(only) == {"bob": ["SELECT"]}
    gone = patch(admin, "catalog/unity", {"principal": "ann", "remove": ["USE_CATALOG"]})
    assert told(gone) == {}


def test_the_reply_is_spelled_as_its_client_understands(admin: Caller) -> None:
    spaces = {"principal": "ann", "add": ["USE CATALOG"]}
    scores = {"principal": "ann", "add": ["USE_CATALOG"]}
    assert told(patch(admin, "catalog/unity", spaces)) == {"ann": ["USE CATALOG"]}
    assert told(patch(admin, "catalog/unity", scores)) == {"ann": ["USE_CATALOG"]}
    path = f"{UC}/permissions/CATALOG/unity"
    assert told(admin("GET", path)) == {"ann": ["USE CATALOG"]}
    assert told(admin("GET", path, headers=SDK)) == {"ann": ["USE_CATALOG"]}
    assert told(patch(admin, "catalog/unity", spaces, headers=SDK)) == {"ann": ["USE_CATALOG"]}


@pytest.mark.parametrize(
    ("name", "change", "expected", "message"),
    [
        ("catalog/unity", {"principal": "ann", "add": ["SELCT"]}, "INVALID_ARGUMENT", "SELECT"),
        ("catalog/unity", {"principal": "ann", "add": ["MANAGE"]}, "INVALID_ARGUMENT", "MANAGE"),
        (
            "catalog/unity",
            {"principal": "ann", "add": "SELECT"},
            "INVALID_ARGUMENT",
            "changes.1.add",
        ),
        ("catalog/unity", {"add": ["SELECT"]}, "INVALID_ARGUMENT", "principal"),
        ("catalog/unity", {"principal": "eve", "add": ["SELECT"]}, "NOT_FOUND", "eve"),
        ("catlog/unity", {"principal": "ann"}, "INVALID_ARGUMENT", "nearest is catalog"),
        ("catalog/nope", {"principal": "ann"}, "CATALOG_NOT_FOUND", "nope"),
        ("schema/unity.nope", {"principal": "ann"}, "SCHEMA_NOT_FOUND", "nope"),
        ("table/unity.nope", {"principal": "ann"}, "INVALID_ARGUMENT", "2 parts"),
        ("metastore/nope", {"principal": "ann"}, "NOT_FOUND", "nope"),
    ],
)
def test_a_bad_change_changes_nothing(
    admin: Caller, name: str, change: dict[str, Any], expected: str, message: str
) -> None:
    good = {"principal": "ann", "add": ["USE CATALOG"]}
    answer = patch(admin, name, good, change)
    assert error(answer) == (404 if expected.endswith("NOT_FOUND") else 400, expected)
    assert message in answer.json()["message"]
    assert told(admin("GET", f"{UC}/permissions/catalog/unity")) == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"changes": []}', b"\xff"])
def test_a_body_that_is_none_is_bad_input(admin: Caller, body: bytes) -> None:
    answer = admin("PATCH", f"{UC}/permissions/catalog/unity", content=body)
    assert error(answer) == (400, "INVALID_ARGUMENT")


def test_the_metastore_goes_by_its_name(admin: Caller) -> None:
    answer = patch(admin, "metastore/metastore", {"principal": "ann", "add": ["CREATE CATALOG"]})
    assert told(answer) == {"ann": ["CREATE CATALOG"]}


def test_what_is_inherited_says_whence(admin: Caller) -> None:
    assert admin("POST", "namespaces", json={"namespace": ["s"]}).status_code == 200
    patch(admin, "metastore/metastore", {"principal": "ann", "add": ["SELECT"]})
    patch(admin, "catalog/unity", {"principal": "ann", "add": ["USE CATALOG", "SELECT"]})
    patch(admin, "schema/unity.s", {"principal": "ann", "add": ["USE SCHEMA"]})
    answer = admin("GET", f"{UC}/effective-permissions/schema/unity.s", headers=SDK)
    assert told(answer) == {
        "ann": [
            {
                "privilege": "SELECT",
                "inherited_from_type": "CATALOG",
                "inherited_from_name": "unity",
            },
            {"privilege": "USE_SCHEMA"},
        ]
    }


def test_others_see_their_own_and_change_nothing(http: Any, admin: Caller) -> None:
    secret = admin.service_principal("carl")
    carl = Caller(http, with_secret(http, "carl", secret).json()["access_token"])
    admin.grant("catalog", "unity", "carl", "USE CATALOG")
    admin.grant("catalog", "unity", "bob", "SELECT")
    path = f"{UC}/permissions/catalog/unity"
    assert told(carl("GET", path)) == {"carl": ["USE CATALOG"]}
    assert told(carl("GET", path, params={"principal": "bob"})) == {}
    refused = patch(carl, "catalog/unity", {"principal": "carl", "add": ["SELECT"]})
    assert error(refused) == (403, "PERMISSION_DENIED")
    assert "carl may not change permissions" in refused.json()["message"]
    assert told(carl("GET", path)) == {"carl": ["USE CATALOG"]}


def test_the_owner_of_a_schema_shares_it(http: Any, admin: Caller) -> None:
    secret = admin.service_principal("carl")
    carl = Caller(http, with_secret(http, "carl", secret).json()["access_token"])
    admin.grant("catalog", "unity", "carl", "USE CATALOG", "CREATE SCHEMA")
    assert carl("POST", "namespaces", json={"namespace": ["s"]}).status_code == 200
    carl.grant("schema", "unity.s", "bob", "USE SCHEMA")
    assert told(carl("GET", f"{UC}/permissions/schema/unity.s")) == {"bob": ["USE SCHEMA"]}


def test_unknown_paths_stay_unknown(admin: Caller) -> None:
    assert admin("GET", "/api/2.1/unity-catalog/nothing").status_code == 404
