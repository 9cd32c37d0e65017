"""Changes of Delta tables by Delta's own API: under requirements, all of them or none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from test_uc_delta_tables import (
    BAD,
    TABLES,
    external,
    field,
    load,
    refusal,
    staged,
    struct,
    versions,
)
from test_uc_rest import made

from spark_emulators.unity_catalog.delta.log import MOST_WAITING

STALE = (409, "UpdateRequirementConflictException")


@pytest.fixture(autouse=True)
def schema(uc: Any) -> None:
    """Where all tables are."""
    made(uc.post("schemas", json={"name": "s", "catalog_name": "unity"}))


@pytest.fixture
def managed(schema: None, delta: Any) -> dict[str, Any]:
    return made(delta.post(TABLES, json=staged(delta)[1]))


def commit(version: int, name: str = "", **more: Any) -> dict[str, Any]:
    told = {
        "version": version,
        "timestamp": 1_700_000_000_000 + version,
        "file-name": name or f"{version:020d}.uuid.json",
        "file-size": 100,
        "file-modification-timestamp": 1_700_000_000_000,
    }
    return {"action": "add-commit", "commit": told, **more}


def update(delta: Any, table: dict[str, Any], *updates: Any, etag: str | None = None) -> Any:
    requirements = [{"type": "assert-table-uuid", "uuid": table["metadata"]["table-uuid"]}]
    requirements += [{"type": "assert-etag", "etag": etag}] if etag else []
    name = "m" if table["metadata"]["table-type"] == "MANAGED" else "e"
    body = {"requirements": requirements, "updates": list(updates)}
    return delta.post(f"{TABLES}/{name}", json=body)


def test_metadata_changes_all_at_once_or_not(delta: Any, tmp_path: Path) -> None:
    table = made(delta.post(TABLES, json=external(tmp_path)))
    wrong = update(
        *(delta, table),
        {"action": "set-table-comment", "comment": "new"},
        {"action": "set-partition-columns", "partition-columns": ["none"]},
    )
    assert refusal(wrong) == BAD
    assert load(delta, "e") == table
    after = made(
        update(
            *(delta, table),
            {"action": "set-table-comment", "comment": "new"},
            {"action": "set-columns", "columns": struct(field("id"), field("day", "timestamp"))},
            {"action": "set-partition-columns", "partition-columns": ["day"]},
            {"action": "set-properties", "updates": {"a": "1"}},
            {"action": "remove-properties", "removals": ["k", "unheard-of"]},
            {
                "action": "set-protocol",
                "protocol": {
                    "min-reader-version": 1,
                    "min-writer-version": 7,
                    "writer-features": ["rowTracking"],
                },
            },
            {
                "action": "set-domain-metadata",
                "updates": {"delta.rowTracking": {"rowIdHighWaterMark": 7}},
            },
            {
                "action": "update-metadata-snapshot-version",
                "last-commit-version": 5,
                "last-commit-timestamp-ms": 1_700_000_000_005,
            },
        )
    )
    metadata = after["metadata"]
    assert metadata["columns"]["fields"][1]["type"] == "timestamp"
    assert metadata["partition-columns"] == ["day"]
    assert metadata["last-commit-version"] == 5
    assert metadata["properties"] == {
        "a": "1",
        "delta.minReaderVersion": "1",
        "delta.minWriterVersion": "7",
        "delta.feature.rowTracking": "supported",
        "delta.rowTracking.rowIdHighWaterMark": "7",
        "delta.lastUpdateVersion": "5",
        "delta.lastCommitTimestamp": "1700000000005",
    }
    assert after["metadata"]["etag"] != table["metadata"]["etag"]
    # a new schema keeps the partitions
    kept = made(update(delta, table, {"action": "set-columns", "columns": struct(field("day"))}))
    assert kept["metadata"]["partition-columns"] == ["day"]
    gone = {"action": "remove-domain-metadata", "domains": ["delta.rowTracking"]}
    left = made(update(delta, table, gone))["metadata"]["properties"]
    assert "delta.rowTracking.rowIdHighWaterMark" not in left


def test_requirements_are_checked(delta: Any, managed: dict[str, Any]) -> None:
    comment = {"action": "set-table-comment", "comment": "one"}
    etag = managed["metadata"]["etag"]
    after = made(update(delta, managed, comment, etag=etag))
    assert refusal(update(delta, managed, comment, etag=etag)) == STALE
    made(update(delta, managed, comment, etag=after["metadata"]["etag"]))
    other = {
        "metadata": {**managed["metadata"], "table-uuid": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}
    }
    assert refusal(update(delta, other, comment)) == STALE


def test_commits_are_the_same_ones_in_both_apis(
    delta: Any, uc: Any, managed: dict[str, Any]
) -> None:
    assert versions(made(update(delta, managed, commit(1)))) == ([1], 1)
    assert versions(made(update(delta, managed, commit(2)))) == ([2, 1], 2)
    old = {
        "table_id": managed["metadata"]["table-uuid"],
        "table_uri": managed["metadata"]["location"],
    }
    listed = made(uc.request("GET", "delta/preview/commits", json={**old, "start_version": 0}))
    assert [one["version"] for one in listed["commits"]] == [1, 2]
    made(uc.post("delta/preview/commits", json={**old, "latest_backfilled_version": 1}))
    assert versions(load(delta)) == ([2], 2)
    backfill = {"action": "set-latest-backfilled-version", "latest-published-version": 2}
    assert versions(made(update(delta, managed, commit(3), backfill))) == ([3], 3)


def test_only_a_commit_of_more_than_data_moves_the_metadata_on(
    delta: Any, managed: dict[str, Any]
) -> None:
    first = made(update(delta, managed, commit(1)))["metadata"]
    assert first["last-commit-version"] == 0
    properties = {"action": "set-properties", "updates": {"a": "1"}}
    second = made(update(delta, managed, commit(2), properties))["metadata"]
    assert (second["last-commit-version"], second["last-commit-timestamp-ms"]) == (
        *(2, 1_700_000_000_002),
    )
    assert len({managed["metadata"]["etag"], first["etag"], second["etag"]}) == 3


def test_a_commit_that_is_sent_again_changes_nothing(delta: Any, managed: dict[str, Any]) -> None:
    etag = managed["metadata"]["etag"]
    comment = {"action": "set-table-comment", "comment": "one"}
    done = made(update(delta, managed, commit(1), comment, etag=etag))
    assert made(update(delta, managed, commit(1), comment, etag=etag)) == done
    other = update(delta, managed, commit(1, "other.json"))
    assert refusal(other) == (409, "CommitVersionConflictException")
    assert refusal(update(delta, managed, commit(3))) == BAD
    assert load(delta) == done


def test_of_many_writers_one_has_the_version(delta: Any, managed: dict[str, Any]) -> None:
    def write(number: int) -> int:
        answer = update(
            *(delta, managed),
            commit(1, f"{number}.json"),
            {"action": "set-properties", "updates": {"by": str(number)}},
        )
        return int(answer.status_code)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(8)))
    assert sorted(answers) == [200] + [409] * 7
    table = load(delta)
    assert table["commits"][0]["file-name"] == f"{answers.index(200)}.json"
    assert table["metadata"]["properties"]["by"] == str(answers.index(200))


def test_a_table_is_loaded_with_its_own_commits(delta: Any, managed: dict[str, Any]) -> None:
    def write() -> None:
        for version in range(1, 31):
            told = {"action": "set-properties", "updates": {"by": str(version)}}
            backfill = {
                "action": "set-latest-backfilled-version",
                "latest-published-version": max(version - 3, 0),
            }
            made(update(delta, managed, commit(version), told, backfill))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        seen = []
        while not writing.done():
            table = load(delta)
            found, latest = versions(table)
            assert table["metadata"]["properties"].get("by", "0") == str(latest)
            assert found == list(range(latest, latest - len(found), -1))
            seen.append(latest)
        writing.result()
    assert seen == sorted(seen)
    assert versions(load(delta)) == ([30, 29, 28], 30)


def test_too_many_commits_may_not_wait(delta: Any, managed: dict[str, Any]) -> None:
    for version in range(1, MOST_WAITING + 1):
        made(update(delta, managed, commit(version)))
    full = update(delta, managed, commit(MOST_WAITING + 1))
    assert refusal(full) == (429, "ResourceExhaustedException")
    backfill = {"action": "set-latest-backfilled-version", "latest-published-version": 1}
    made(update(delta, managed, commit(MOST_WAITING + 1), backfill))


def test_an_iceberg_version_comes_with_every_commit(delta: Any, uc: Any) -> None:
    told, body = staged(delta)
    enabled = {"delta.universalFormat.enabledFormats": "hudi,iceberg"}

    def uniform(version: int, below: str = told["location"]) -> dict[str, Any]:
        place = f"{below}/metadata/{version}.json"
        times = {"converted-delta-version": version, "converted-delta-timestamp": 1_700_000_000_000}
        return {"iceberg": {"metadata-location": place, **times}}

    body["properties"] = {**body["properties"], **enabled}
    for wrong in ({}, {"uniform": uniform(2)}, {"uniform": uniform(0, "file:///elsewhere")}):
        assert refusal(delta.post(TABLES, json={**body, **wrong})) == BAD
    table = made(delta.post(TABLES, json={**body, "uniform": uniform(0)}))
    assert table["uniform"] == uniform(0)
    assert refusal(update(delta, table, commit(1))) == BAD
    assert refusal(update(delta, table, commit(1, uniform=uniform(2)))) == BAD
    after = made(update(delta, table, commit(1, uniform=uniform(1))))
    assert after["uniform"] == uniform(1)
    old = {
        "table_id": told["table-id"],
        "table_uri": told["location"],
        "commit_info": {key.replace("-", "_"): v for key, v in commit(2)["commit"].items()},
        "uniform": {
            "iceberg": {
                "metadata_location": f"{told['location']}/metadata/2.json",
                "converted_delta_version": 2,
                "converted_delta_timestamp": "2023-11-14T22:13:20Z",
            }
        },
    }
    made(uc.post("delta/preview/commits", json=old))
    assert load(delta)["uniform"] == uniform(2)


SAY_NOTHING = {"action": "set-domain-metadata", "updates": {}}


@pytest.mark.parametrize(
    ("updates", "refused"),
    [
        ([], BAD),
        ([{"action": "unheard-of"}], (400, "BadRequestException")),
        ([{}], (400, "BadRequestException")),
        (["text"], BAD),
        ([{"action": "set-properties"}], BAD),
        ([{"action": "set-properties", "updates": {"a": 1}}], BAD),
        ([{"action": "set-table-comment", "comment": "a"}] * 2, BAD),
        (
            [
                {"action": "set-properties", "updates": {"a": "1"}},
                {"action": "remove-properties", "removals": ["a"]},
            ],
            BAD,
        ),
        (
            [
                {
                    "action": "set-domain-metadata",
                    "updates": {"delta.clustering": {"clusteringColumns": []}},
                },
                {"action": "remove-domain-metadata", "domains": ["delta.clustering"]},
            ],
            BAD,
        ),
        ([SAY_NOTHING], BAD),
        ([{"action": "remove-domain-metadata", "domains": ["none"]}], BAD),
        (
            [
                {
                    "action": "set-domain-metadata",
                    "updates": {"delta.rowTracking": {"rowIdHighWaterMark": 1}},
                }
            ],
            BAD,
        ),
        (
            [
                {
                    "action": "set-protocol",
                    "protocol": {"min-reader-version": 3, "min-writer-version": 7},
                }
            ],
            BAD,
        ),
        ([{"action": "set-columns", "columns": struct()}], BAD),
        ([commit(0)], BAD),
        ([{"action": "add-commit"}], BAD),
        ([{"action": "set-latest-backfilled-version", "latest-published-version": 1}], BAD),
        (
            [
                {
                    "action": "update-metadata-snapshot-version",
                    "last-commit-version": 1,
                    "last-commit-timestamp-ms": 1,
                }
            ],
            BAD,
        ),
    ],
)
def test_wrong_updates_change_nothing(
    delta: Any, managed: dict[str, Any], updates: list[Any], refused: Any
) -> None:
    assert refusal(update(delta, managed, *updates)) == refused
    assert load(delta) == managed


@pytest.mark.parametrize(
    "requirements",
    [
        [],
        [{"type": "assert-etag", "etag": "x"}],
        [{"type": "assert-table-uuid", "uuid": "none"}],
        [{"type": "assert-table-uuid", "uuid": 1}],
        [{"type": "unheard-of"}],
        None,
    ],
)
def test_wrong_requirements(delta: Any, managed: dict[str, Any], requirements: Any) -> None:
    comment = [{"action": "set-table-comment", "comment": "a"}]
    answer = delta.post(f"{TABLES}/m", json={"requirements": requirements, "updates": comment})
    assert refusal(answer)[0] == 400
    assert load(delta) == managed


def test_an_external_table_has_no_commits_here(delta: Any, tmp_path: Path) -> None:
    table = made(delta.post(TABLES, json=external(tmp_path)))
    backfill = {"action": "set-latest-backfilled-version", "latest-published-version": 0}
    for change in (commit(1), backfill):
        assert refusal(update(delta, table, change)) == BAD
