"""Schemas and configuration, as raw HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from spark_emulators.unity_catalog.paths import MOUNTS


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of an error answer, whose body must be Iceberg's."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "code"}
    assert error["code"] == answer.status_code
    assert error["message"]
    return answer.status_code, error["type"]


@pytest.mark.parametrize("mount", MOUNTS)
def test_configuration_names_the_prefix_and_every_route(http: Any, mount: str) -> None:
    answer = http.get(f"http://testserver{mount}/v1/config", params={"warehouse": "unity"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["overrides"] == {"prefix": "catalogs/unity"}
    assert body["defaults"] == {"client.region": "us-east-1"}
    assert "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}" in body["endpoints"]
    assert "POST /v1/{prefix}/namespaces/{namespace}/views" in body["endpoints"]


def test_configuration_needs_a_catalog_that_exists(http: Any) -> None:
    url = f"http://testserver{MOUNTS[0]}/v1/config"
    assert refusal(http.get(url)) == (400, "BadRequestException")
    unknown = http.get(url, params={"warehouse": "nope"})
    assert refusal(unknown) == (404, "NoSuchWarehouseException")


def test_an_unknown_catalog_in_the_path_is_no_warehouse(http: Any) -> None:
    url = f"http://testserver{MOUNTS[0]}/v1/catalogs/nope/namespaces"
    assert refusal(http.get(url)) == (404, "NoSuchWarehouseException")


def test_the_server_is_ready_once_it_answers(http: Any) -> None:
    answer = http.get("http://testserver/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_schema_lives_and_dies(http: Any) -> None:
    body = {"namespace": ["s"], "properties": {"owner": "ann"}}
    assert http.post("namespaces", json=body).json() == body
    assert http.get("namespaces/s").json() == body
    assert http.head("namespaces/s").status_code == 204
    assert http.get("namespaces").json() == {"namespaces": [["s"]], "next-page-token": None}
    gone = http.delete("namespaces/s")
    assert (gone.status_code, gone.content) == (204, b"")
    assert http.head("namespaces/s").status_code == 404
    assert refusal(http.get("namespaces/s")) == (404, "NoSuchNamespaceException")
    assert refusal(http.delete("namespaces/s")) == (404, "NoSuchNamespaceException")


def test_a_schema_is_made_once(http: Any, make: Any) -> None:
    make.schema("s")
    again = http.post("namespaces", json={"namespace": ["s"]})
    assert refusal(again) == (409, "AlreadyExistsException")


@pytest.mark.parametrize(
    "namespace", [["a", "b"], [], [""], ["a.b"], ["ä"], ["x" * 256], "s", None]
)
def test_a_schema_has_one_level_of_plain_characters(http: Any, namespace: Any) -> None:
    answer = http.post("namespaces", json={"namespace": namespace})
    assert refusal(answer) == (400, "BadRequestException")


def test_catalogs_do_not_share_schemas(http: Any, make: Any) -> None:
    make.schema("s")
    other = http.get(f"http://testserver{MOUNTS[1]}/v1/catalogs/other/namespaces")
    assert other.json()["namespaces"] == []


def test_a_schema_with_tables_stays(http: Any, make: Any) -> None:
    make.table("t")
    assert refusal(http.delete("namespaces/s")) == (409, "NamespaceNotEmptyException")
    http.delete("namespaces/s/tables/t")
    assert http.delete("namespaces/s").status_code == 204


def test_schemas_have_none_below_them(http: Any, make: Any) -> None:
    make.schema("s")
    assert http.get("namespaces", params={"parent": "s"}).json()["namespaces"] == []
    for parent in ("nope", "s\x1fdeep"):
        answer = http.get("namespaces", params={"parent": parent})
        assert refusal(answer) == (404, "NoSuchNamespaceException")


def test_a_deeper_schema_does_not_exist(http: Any, make: Any) -> None:
    make.schema("s")
    assert refusal(http.get("namespaces/s%1Fdeep")) == (404, "NoSuchNamespaceException")
    assert http.head("namespaces/s%1Fdeep").status_code == 404


def test_properties_are_set_removed_and_missed(http: Any) -> None:
    http.post("namespaces", json={"namespace": ["s"], "properties": {"a": "1", "b": "2"}})
    answer = http.post(
        "namespaces/s/properties", json={"updates": {"b": "3", "c": "4"}, "removals": ["a", "z"]}
    )
    assert answer.json() == {"updated": ["b", "c"], "removed": ["a"], "missing": ["z"]}
    assert http.get("namespaces/s").json()["properties"] == {"b": "3", "c": "4"}


def test_properties_cannot_be_set_and_removed_at_once(http: Any, make: Any) -> None:
    make.schema("s")
    answer = http.post("namespaces/s/properties", json={"updates": {"a": "1"}, "removals": ["a"]})
    assert refusal(answer) == (422, "UnprocessableEntityException")


def test_properties_belong_to_a_schema(http: Any) -> None:
    answer = http.post("namespaces/nope/properties", json={"updates": {"a": "1"}})
    assert refusal(answer) == (404, "NoSuchNamespaceException")


def test_a_list_is_whole_unless_pages_are_asked_for(http: Any, make: Any) -> None:
    names = [f"s{number}" for number in range(5)]
    for name in names:
        make.schema(name)
    assert len(http.get("namespaces", params={"pageSize": "2"}).json()["namespaces"]) == 5
    served: list[str] = []
    token: str | None = ""
    while token is not None:
        answer = http.get("namespaces", params={"pageToken": token, "pageSize": "2"}).json()
        served += [level for [level] in answer["namespaces"]]
        token = answer["next-page-token"]
    assert served == names


@pytest.mark.parametrize(
    "params", [{"pageSize": "0"}, {"pageSize": "9" * 5000}, {"pageSize": "x"}, {"pageToken": "***"}]
)
def test_bad_pages_are_refused(http: Any, params: dict[str, str]) -> None:
    assert refusal(http.get("namespaces", params=params)) == (400, "BadRequestException")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_request_is_refused(http: Any, body: bytes) -> None:
    assert refusal(http.post("namespaces", content=body)) == (400, "BadRequestException")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "nowhere"), ("PUT", "namespaces"), ("GET", "namespaces/s/tables/a%2Fb"), ("GET", "")],
)
def test_an_unknown_route_answers_in_icebergs_words(http: Any, method: str, path: str) -> None:
    assert refusal(http.request(method, path)) == (400, "BadRequestException")


def test_an_unforeseen_error_stays_in_the_log(
    http: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from spark_emulators.unity_catalog.store.securables import Securables

    def fail(*_args: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(Securables, "children", fail)
    answer = http.get("namespaces")
    assert refusal(answer) == (500, "InternalServerError")
    assert "swordfish" not in answer.text
    assert "swordfish" in caplog.text
