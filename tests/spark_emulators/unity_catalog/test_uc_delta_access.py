"""Authorization on: Delta's own API, by what callers have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from catalog_callers import UC, Caller, admin_of, authorized, with_secret
from test_uc_delta_tables import external, refusal, staged
from test_uc_delta_updates import commit

from spark_emulators.unity_catalog.paths import DELTA

TABLES = f"{DELTA}/catalogs/unity/schemas/s/tables"
FORBIDDEN = (403, "PermissionDeniedException")


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    return authorized(config)


@pytest.fixture
def admin(http: Any, config: dict[str, Any]) -> Caller:
    admin = admin_of(http, config)
    body = {"name": "s", "catalog_name": "unity"}
    assert admin("POST", f"{UC}/schemas", json=body).status_code == 200
    return admin


def caller(http: Any, admin: Caller, name: str) -> Caller:
    secret = admin.service_principal(name)
    return Caller(http, with_secret(http, name, secret).json()["access_token"])


@pytest.fixture
def ann(http: Any, admin: Caller) -> Caller:
    """One who may make tables."""
    ann = caller(http, admin, "ann")
    admin.grant("catalog", "unity", "ann", "USE CATALOG")
    admin.grant("schema", "unity.s", "ann", "USE SCHEMA", "CREATE TABLE")
    return ann


@pytest.fixture
def bob(http: Any, admin: Caller) -> Caller:
    """One who has nothing."""
    return caller(http, admin, "bob")


class AsPosted:
    """``staged`` posts relative to Delta's API."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def post(self, path: str, **options: Any) -> Any:
        return self._caller("POST", f"{DELTA}/{path}", **options)


def status(answer: Any) -> int:
    return int(answer.status_code)


def test_without_a_token_there_is_nothing(http: Any, admin: Caller) -> None:
    answer = Caller(http, None)("GET", f"{TABLES}/t")
    assert refusal(answer) == (401, "NotAuthorizedException")
    forged = Caller(http, "forged")("GET", f"{TABLES}/t")
    assert refusal(forged) == (401, "NotAuthorizedException")


def test_a_managed_table_is_its_makers_and_whom_it_is_granted(
    admin: Caller, ann: Caller, bob: Caller
) -> None:
    assert refusal(bob("GET", f"{DELTA}/config?catalog=unity&protocol-versions=1.0")) == FORBIDDEN
    stage = f"{DELTA}/catalogs/unity/schemas/s/staging-tables"
    assert refusal(bob("POST", stage, json={"name": "m"})) == FORBIDDEN
    told, body = staged(AsPosted(ann))
    keys = f"{DELTA}/staging-tables/{told['table-id']}/credentials"
    assert status(ann("GET", keys)) == 200
    assert refusal(bob("GET", keys)) == FORBIDDEN
    # who may make tables may not make them of what others have staged
    assert refusal(admin("POST", TABLES, json=body)) == FORBIDDEN
    assert status(ann("POST", TABLES, json=body)) == 200

    table = f"{TABLES}/m"
    required = [{"type": "assert-table-uuid", "uuid": told["table-id"]}]

    def change(who: Caller, version: int) -> Any:
        return who("POST", table, json={"requirements": required, "updates": [commit(version)]})

    report = {"table-id": told["table-id"]}
    credentials = f"{table}/credentials?operation="
    for answer in (
        bob("GET", table),
        bob("HEAD", table),
        change(bob, 1),
        bob("POST", f"{table}/rename", json={"new-name": "n"}),
        bob("POST", f"{table}/metrics", json=report),
        bob("GET", f"{credentials}READ"),
        bob("DELETE", table),
    ):
        assert status(answer) == 403
    assert status(change(ann, 1)) == 200

    admin.grant("catalog", "unity", "bob", "USE CATALOG")
    admin.grant("schema", "unity.s", "bob", "USE SCHEMA")
    admin.grant("table", "unity.s.m", "bob", "SELECT")
    assert status(bob("GET", table)) == 200
    assert status(bob("HEAD", table)) == 204
    assert status(bob("GET", f"{credentials}READ")) == 200
    assert refusal(bob("GET", f"{credentials}READ_WRITE")) == FORBIDDEN
    assert refusal(change(bob, 2)) == FORBIDDEN
    admin.grant("table", "unity.s.m", "bob", "MODIFY")
    assert status(bob("GET", f"{credentials}READ_WRITE")) == 200
    assert status(change(bob, 2)) == 200
    assert status(bob("POST", f"{table}/metrics", json=report)) == 204
    assert refusal(bob("POST", f"{table}/rename", json={"new-name": "n"})) == FORBIDDEN
    assert refusal(bob("DELETE", table)) == FORBIDDEN
    assert status(ann("POST", f"{table}/rename", json={"new-name": "n"})) == 204
    assert status(ann("DELETE", f"{TABLES}/n")) == 204


def test_an_external_table_takes_its_place(
    admin: Caller, ann: Caller, bob: Caller, tmp_path: Path
) -> None:
    location = f"file://{tmp_path}/warehouse/elsewhere"
    role = {"name": "cred", "aws_iam_role": {"role_arn": "arn:x"}}
    assert status(admin("POST", f"{UC}/credentials", json=role)) == 200
    place = {"name": "lake", "url": location, "credential_name": "cred"}
    assert status(admin("POST", f"{UC}/external-locations", json=place)) == 200
    body = external(tmp_path)
    keys = f"{DELTA}/temporary-path-credentials?location={body['location']}&operation="
    for who in (ann, bob):
        assert refusal(who("GET", f"{keys}READ_WRITE")) == FORBIDDEN
        assert refusal(who("POST", TABLES, json=body)) == FORBIDDEN
    admin.grant("external_location", "lake", "bob", "READ FILES", "WRITE FILES")
    admin.grant("external_location", "lake", "ann", "CREATE EXTERNAL TABLE")
    assert status(bob("GET", f"{keys}READ_WRITE")) == 200
    assert status(ann("GET", f"{keys}READ_WRITE")) == 200
    assert refusal(ann("GET", f"{keys}READ")) == FORBIDDEN
    assert refusal(bob("POST", TABLES, json=body)) == FORBIDDEN
    assert status(ann("POST", TABLES, json=body)) == 200
    # now it is the table's, whatever may be done around it
    assert refusal(bob("GET", f"{keys}READ_WRITE")) == FORBIDDEN
    assert status(ann("GET", f"{keys}READ_WRITE")) == 200
