"""Commits to managed Delta tables: the next version is one commit's, whoever sends it again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_uc_rest import COLUMN, IN_SCHEMA, TABLE, made, refusal

from spark_emulators.unity_catalog.delta.log import MOST_WAITING, Commit, Log
from spark_emulators.unity_catalog.errors import CommitVersionConflict, TooMany
from spark_platform.kernel.errors import InvalidInput

COMMITS = "delta/preview/commits"
BAD = (400, "INVALID_ARGUMENT")


@pytest.fixture
def table(uc: Any) -> dict[str, Any]:
    """A managed table, as who commits to it names it."""
    made(uc.post("schemas", json={"name": "s", "catalog_name": "unity"}))
    staged = made(uc.post("staging-tables", json={**IN_SCHEMA, "name": "d"}))
    managed = {
        **TABLE,
        "name": "d",
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "storage_location": staged["staging_location"],
        "properties": {"io.unitycatalog.tableId": staged["id"]},
    }
    made(uc.post("tables", json=managed))
    return {"table_id": staged["id"], "table_uri": staged["staging_location"]}


def info(version: int, name: str = "") -> dict[str, Any]:
    return {
        "version": version,
        "timestamp": 1_700_000_000_000 + version,
        "file_name": name or f"{version:020d}.uuid.json",
        "file_size": 100,
        "file_modification_timestamp": 1_700_000_000_000,
    }


def commit(uc: Any, table: dict[str, Any], version: int | None, name: str = "", **more: Any) -> Any:
    told = {} if version is None else {"commit_info": info(version, name)}
    return uc.post(COMMITS, json={**table, **told, **more})


def waiting(uc: Any, table: dict[str, Any], start: int = 0, **more: Any) -> tuple[list[int], int]:
    answer = made(uc.request("GET", COMMITS, json={**table, "start_version": start, **more}))
    return [one["version"] for one in answer["commits"]], answer["latest_table_version"]


def test_commits_follow_each_other_and_are_backfilled(uc: Any, table: Any) -> None:
    assert waiting(uc, table) == ([], 0)
    for version in (1, 2, 3):
        assert made(commit(uc, table, version)) == {}
    assert waiting(uc, table) == ([1, 2, 3], 3)
    assert waiting(uc, table, 2, end_version=2) == ([2], 3)
    made(commit(uc, table, None, latest_backfilled_version=2))
    assert waiting(uc, table) == ([3], 3)
    made(commit(uc, table, 4, latest_backfilled_version=3))
    assert waiting(uc, table) == ([4], 4)


def test_a_version_is_one_commits(uc: Any, table: Any) -> None:
    made(commit(uc, table, 1))
    made(commit(uc, table, 1))
    assert refusal(commit(uc, table, 1, "other.json")) == (409, "COMMIT_VERSION_CONFLICT")
    assert refusal(commit(uc, table, 3)) == BAD
    made(commit(uc, table, 2, latest_backfilled_version=1))
    assert refusal(commit(uc, table, 1, "other.json")) == (409, "COMMIT_VERSION_CONFLICT")
    made(commit(uc, table, 2))
    assert waiting(uc, table) == ([2], 2)


def test_of_many_at_once_one_has_the_version(uc: Any, table: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: commit(uc, table, 1, f"{n}.json"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


def test_too_many_may_not_wait(uc: Any, table: Any) -> None:
    for version in range(1, MOST_WAITING + 1):
        made(commit(uc, table, version))
    full = commit(uc, table, MOST_WAITING + 1)
    assert refusal(full) == (429, "RESOURCE_EXHAUSTED")
    made(commit(uc, table, MOST_WAITING + 1, latest_backfilled_version=1))


def test_a_commit_changes_the_table_once(uc: Any, table: Any) -> None:
    metadata = {
        "description": "new",
        "schema": {"columns": [{**COLUMN, "name": "b"}]},
        "properties": {"properties": {"k": "v"}},
    }
    made(commit(uc, table, 1, metadata=metadata))
    seen = made(uc.get("tables/unity.s.d"))
    assert (seen["comment"], seen["properties"]) == ("new", {"k": "v"})
    assert [column["name"] for column in seen["columns"]] == ["b"]
    made(commit(uc, table, 2, metadata={"description": "newer"}))
    made(commit(uc, table, 1, metadata=metadata))
    assert made(uc.get("tables/unity.s.d"))["comment"] == "newer"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"commit_info": {"version": 1}},
        {"commit_info": info(0)},
        {"commit_info": {**info(1), "version": "1"}},
        {"latest_backfilled_version": 1},
        {"latest_backfilled_version": -1},
        {"commit_info": info(1), "table_uri": "file:///elsewhere"},
        {"commit_info": info(1), "table_uri": "relative"},
    ],
)
def test_wrong_commits_change_nothing(uc: Any, table: Any, wrong: dict[str, Any]) -> None:
    assert refusal(uc.post(COMMITS, json={**table, **wrong})) == BAD
    assert waiting(uc, table) == ([], 0)


def test_other_tables_have_no_commits(uc: Any, table: Any, make: Any, tmp_path: Any) -> None:
    make.table("ice")
    place = f"file://{tmp_path}/warehouse/x"
    made(uc.post("tables", json={**TABLE, "name": "csv", "storage_location": place}))
    for name in ("ice", "csv"):
        other = made(uc.get(f"tables/unity.s.{name}"))
        at = {"table_id": other["table_id"], "table_uri": other["storage_location"]}
        assert refusal(commit(uc, at, 1)) == BAD
    missing = commit(uc, {**table, "table_id": "none"}, 1)
    assert refusal(missing) == (404, "TABLE_NOT_FOUND")


def test_a_log_goes_with_its_table(uc: Any, table: Any) -> None:
    made(commit(uc, table, 1))
    made(uc.delete("tables/unity.s.d"))
    assert refusal(commit(uc, table, 2)) == (404, "TABLE_NOT_FOUND")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 15), st.sampled_from("ab")),
        st.tuples(st.just("backfill"), st.integers(-1, 15), st.just("")),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_is_sent_versions_are_whole_and_few_wait(
    steps: list[tuple[str, int, str]],
) -> None:
    log, accepted = Log(), dict[int, str]()
    for what, version, name in steps:
        try:
            if what == "commit":
                log = log.committed(Commit(version, 0, name, 0, 0))
                assert accepted.setdefault(version, name) == name
            else:
                log = log.backfilled(version)
        except (InvalidInput, CommitVersionConflict, TooMany):
            continue
    assert log.version == max(accepted, default=0)
    versions = [one.version for one in log.waiting]
    assert versions == list(range(log.version - len(versions) + 1, log.version + 1))
    assert len(versions) <= MOST_WAITING
