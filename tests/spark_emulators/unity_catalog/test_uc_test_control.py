"""What tests may do to the catalog: have it fail, and have it be as it was."""

from __future__ import annotations

from typing import Any

import pytest
from test_uc_rest import made, refusal

EMULATOR = "http://testserver/emulator"


def fault(uc: Any, effect: str, **fields: Any) -> int:
    number: int = made(uc.post(f"{EMULATOR}/faults", json={"effect": effect, **fields}))["id"]
    return number


def test_a_fault_hits_as_often_as_it_is_told_to(uc: Any) -> None:
    number = fault(uc, "refuse", path="*/catalogs", methods=["GET"], code=429, times=2)
    for _ in range(2):
        assert refusal(uc.get("catalogs")) == (429, "RESOURCE_EXHAUSTED")
    made(uc.get("catalogs"))
    [rule] = made(uc.get(f"{EMULATOR}/faults"))["items"]
    assert (rule["id"], rule["hits"], rule["code"]) == (number, 2, 429)


def test_a_fault_lasts_until_it_is_taken_back(uc: Any) -> None:
    number = fault(uc, "refuse", code=503, message="down for maintenance")
    answer = uc.get("metastore_summary")
    assert refusal(answer) == (503, "TEMPORARILY_UNAVAILABLE")
    assert answer.json()["message"] == "down for maintenance"
    made(uc.delete(f"{EMULATOR}/faults/{number}"))
    made(uc.get("metastore_summary"))
    assert refusal(uc.delete(f"{EMULATOR}/faults/{number}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("code", "type"),
    [
        (409, "CommitFailedException"),
        (401, "NotAuthorizedException"),
        (419, "AuthenticationTimeoutException"),
        (500, "InternalServerError"),
        (503, "SlowDownException"),
    ],
)
def test_each_api_has_its_own_errors(uc: Any, http: Any, make: Any, code: int, type: str) -> None:
    make.table()
    fault(uc, "refuse", path="*/tables/t", methods=["POST"], code=code, times=1)
    commit = {"requirements": [], "updates": []}
    failed = http.post("namespaces/s/tables/t", json=commit)
    assert (failed.status_code, failed.json()["error"]["type"]) == (code, type)
    assert http.post("namespaces/s/tables/t", json=commit).is_success


def test_a_delay_changes_no_answer(uc: Any) -> None:
    fault(uc, "delay", delay_s=0.01, times=1)
    made(uc.get("catalogs"))
    made(uc.delete(f"{EMULATOR}/faults"))
    assert made(uc.get(f"{EMULATOR}/faults"))["items"] == []


@pytest.mark.parametrize(
    "wrong",
    [{"effect": "explode"}, {}, {"effect": "refuse", "code": 200}, {"effect": "delay", "odd": 1}],
)
def test_an_impossible_fault_is_refused(uc: Any, wrong: dict[str, Any]) -> None:
    assert refusal(uc.post(f"{EMULATOR}/faults", json=wrong)) == (400, "INVALID_ARGUMENT")


def test_a_snapshot_brings_all_of_it_back(uc: Any, http: Any, make: Any) -> None:
    made(uc.post("catalogs", json={"name": "seed", "comment": "kept"}))
    table = make.table()
    snapshot = made(uc.post(f"{EMULATOR}/snapshots"))["id"]
    for _ in range(2):
        commit = {"updates": [{"action": "set-properties", "updates": {"k": "v"}}]}
        http.post("namespaces/s/tables/t", json={"requirements": [], **commit})
        made(uc.delete("catalogs/seed"))
        made(uc.post("catalogs", json={"name": "new"}))
        made(uc.delete("tables/unity.s.t"))
        make.table("other", namespace="more")
        made(uc.post(f"{EMULATOR}/snapshots/{snapshot}/restore"))
        assert made(uc.get("catalogs/seed"))["comment"] == "kept"
        assert uc.get("catalogs/new").status_code == 404
        assert http.get("namespaces/s/tables/t").json() == table
        assert http.get("namespaces").json()["namespaces"] == [["s"]]
    uc.delete(f"{EMULATOR}/snapshots/{snapshot}")
    gone = uc.post(f"{EMULATOR}/snapshots/{snapshot}/restore")
    assert refusal(gone) == (404, "NOT_FOUND")
