"""Whose credentials are given out. What they allow is tested on real stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_uc_rest import IN_SCHEMA, TABLE, made, refusal

from spark_emulators.unity_catalog.vending.policy import Access, inline_policy
from spark_platform.kernel.errors import InvalidInput

BAD = (400, "INVALID_ARGUMENT")
FORBIDDEN = (403, "PERMISSION_DENIED")


@pytest.fixture
def root(tmp_path: Path) -> str:
    return f"file://{tmp_path}/warehouse"


@pytest.fixture
def table(uc: Any, root: str) -> dict[str, Any]:
    made(uc.post("schemas", json={"name": "s", "catalog_name": "unity"}))
    body = {**TABLE, "name": "t", "storage_location": f"{root}/d/t"}
    return made(uc.post("tables", json=body))


@pytest.mark.parametrize("operation", ["READ", "READ_WRITE"])
def test_files_of_this_machine_need_none(uc: Any, table: Any, operation: str) -> None:
    body = {"table_id": table["table_id"], "operation": operation}
    answer = made(uc.post("temporary-table-credentials", json=body))
    assert answer["url"] == table["storage_location"]
    assert "aws_temp_credentials" not in answer


def test_databricks_path_is_another(uc: Any, table: Any) -> None:
    body = {"table_id": table["table_id"], "operation": "READ"}
    path = "http://testserver/api/2.0/unity-catalog/temporary-table-credentials"
    assert made(uc.post(path, json=body))["url"] == table["storage_location"]


@pytest.mark.parametrize("operation", ["UNKNOWN_TABLE_OPERATION", "read", "", None, 1])
def test_other_operations_are_refused(uc: Any, table: Any, operation: Any) -> None:
    body = {"table_id": table["table_id"], "operation": operation}
    assert refusal(uc.post("temporary-table-credentials", json=body)) == BAD


def test_what_is_missing_has_none(uc: Any, table: Any) -> None:
    body = {"table_id": "none", "operation": "READ"}
    answer = uc.post("temporary-table-credentials", json=body)
    assert refusal(answer) == (404, "TABLE_NOT_FOUND")
    volume = {"volume_id": table["table_id"], "operation": "READ_VOLUME"}
    assert refusal(uc.post("temporary-volume-credentials", json=volume)) == (404, "NOT_FOUND")


def test_a_staging_table_has_some(uc: Any, table: Any) -> None:
    staged = made(uc.post("staging-tables", json={**IN_SCHEMA, "name": "n"}))
    body = {"table_id": staged["id"], "operation": "READ_WRITE"}
    answer = made(uc.post("temporary-table-credentials", json=body))
    assert answer["url"] == staged["staging_location"]


def test_a_version_is_written_while_it_waits(uc: Any, table: Any) -> None:
    made(uc.post("models", json={**IN_SCHEMA, "name": "m"}))
    made(uc.post("models/versions", json={**IN_SCHEMA, "model_name": "m", "source": "x"}))
    body = {**IN_SCHEMA, "model_name": "m", "version": 1}
    path = "temporary-model-version-credentials"
    write = {**body, "operation": "READ_WRITE_MODEL_VERSION"}
    read = {**body, "operation": "READ_MODEL_VERSION"}
    assert made(uc.post(path, json=write))["url"] == made(uc.post(path, json=read))["url"]
    done = {"full_name": "unity.s.m", "version": 1}
    made(uc.patch("models/unity.s.m/versions/1/finalize", json=done))
    assert refusal(uc.post(path, json=write)) == BAD
    made(uc.post(path, json=read))


def test_who_staged_a_table_that_is_gone_has_none(uc: Any, table: Any) -> None:
    staged = made(uc.post("staging-tables", json={**IN_SCHEMA, "name": "n"}))
    managed = {
        **TABLE,
        "name": "n",
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "storage_location": staged["staging_location"],
        "properties": {"io.unitycatalog.tableId": staged["id"]},
    }
    made(uc.post("tables", json=managed))
    made(uc.delete("tables/unity.s.n"))
    body = {"table_id": staged["id"], "operation": "READ_WRITE"}
    gone = uc.post("temporary-table-credentials", json=body)
    assert refusal(gone) == (404, "TABLE_NOT_FOUND")
    managed["name"] = "again"
    assert refusal(uc.post("tables", json=managed)) == (400, "FAILED_PRECONDITION")


def path_answer(uc: Any, url: str, operation: str = "PATH_READ") -> Any:
    return uc.post("temporary-path-credentials", json={"url": url, "operation": operation})


def test_whose_path_it_is_decides(uc: Any, table: Any, root: str) -> None:
    inside = f"{root}/d/t/part-0"
    assert made(path_answer(uc, inside, "PATH_READ_WRITE"))["url"] == inside
    assert refusal(path_answer(uc, f"{root}/d")) == FORBIDDEN
    assert refusal(path_answer(uc, inside, "PATH_CREATE_TABLE")) == BAD
    assert made(path_answer(uc, f"{root}/free", "PATH_CREATE_TABLE"))
    managed = f"{root}/s/__unitystorage/tables/x"
    long = f"{root}/" + "a/" * 40_000
    for wrong in (
        "relative",
        f"{root}/../x",
        "s3://",
        "",
        "s3://*/",
        "s3://un*ty/x",
        managed,
        long,
    ):
        assert refusal(path_answer(uc, wrong)) == BAD


def test_a_catalog_without_a_store_to_vend_for_says_so(uc: Any, table: Any) -> None:
    answer = path_answer(uc, "s3://bucket/x")
    assert refusal(answer) == (400, "FAILED_PRECONDITION")
    assert "vending" in answer.json()["message"]


KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(st.lists(KEYS, min_size=1).map("/".join), st.sampled_from(Access))
def test_a_policy_is_for_one_prefix(prefix: str, access: Access) -> None:
    [objects, listing, _] = json.loads(inline_policy(f"s3://b/{prefix}", access))["Statement"]
    assert objects["Resource"] == [f"arn:aws:s3:::b/{prefix}", f"arn:aws:s3:::b/{prefix}/*"]
    assert ("s3:PutObject" in objects["Action"]) == (access is Access.READ_WRITE)
    assert listing["Condition"]["StringLike"]["s3:prefix"] == [prefix, f"{prefix}/", f"{prefix}/*"]


@pytest.mark.parametrize(
    "location",
    ["s3://b/a*", "s3://b/?", "s3://b/${x}", "file:///x", "s3://", "s3://*/x", "s3://b?d/x"],
)
def test_a_policy_is_for_nothing_else(location: str) -> None:
    with pytest.raises(InvalidInput):
        inline_policy(location, Access.READ)
