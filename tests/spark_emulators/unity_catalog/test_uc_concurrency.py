"""Many writers at once, and a server that is killed under them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

ID = {"id": 1, "name": "id", "required": True, "type": "long"}
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [ID]}
WRITERS = 16


class Schema:
    """A schema of a running server, reached over HTTP."""

    def __init__(self, server: Any, name: str) -> None:
        base_url = f"{server.iceberg_uri}/v1/catalogs/unity/"
        self.http = httpx.Client(base_url=base_url, timeout=120)
        self.name = name

    def create(self, *tables: str) -> None:
        self.http.post("namespaces", json={"namespace": [self.name]}).raise_for_status()
        for table in tables:
            assert self.create_table(table) == 200

    def create_table(self, table: str) -> int:
        body = {"name": table, "schema": SCHEMA}
        return self.http.post(f"namespaces/{self.name}/tables", json=body).status_code

    def commit(self, table: str, body: dict[str, Any]) -> int:
        return self.http.post(f"namespaces/{self.name}/tables/{table}", json=body).status_code

    def load(self, table: str) -> dict[str, Any]:
        answer = self.http.get(f"namespaces/{self.name}/tables/{table}").raise_for_status()
        loaded: dict[str, Any] = answer.json()
        return loaded

    def properties(self, table: str) -> set[str]:
        return set(self.load(table)["metadata"]["properties"])

    def set_property(self, table: str, key: str) -> dict[str, Any]:
        return {
            "identifier": {"namespace": [self.name], "name": table},
            "requirements": [],
            "updates": [{"action": "set-properties", "updates": {key: "1"}}],
        }


@pytest.fixture
def schema(server: Any, schema_name: str) -> Iterator[Schema]:
    schema = Schema(server, schema_name)
    with schema.http:
        yield schema


def all_at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What ``work`` returns in each of ``count`` threads that start it together."""
    together = threading.Barrier(count)

    def begin(number: int) -> Any:
        together.wait()
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))


def test_writers_at_once_lose_nothing(schema: Schema) -> None:
    schema.create("t")

    def write(number: int) -> list[int]:
        bodies = [schema.set_property("t", f"{number}.{turn}") for turn in range(3)]
        return [schema.commit("t", body) for body in bodies]

    statuses = {status for many in all_at_once(WRITERS, write) for status in many}
    assert statuses == {200}
    assert len(schema.properties("t")) == WRITERS * 3
    # Losers of a race leave no file behind: one per commit, and the first.
    folder = Path(urlsplit(schema.load("t")["metadata-location"]).path).parent
    assert len(list(folder.iterdir())) == WRITERS * 3 + 1


def test_a_requirement_lets_one_of_many_writers_pass(schema: Schema) -> None:
    schema.create("t")
    wider = [ID, {"id": 2, "name": "x", "required": False, "type": "int"}]
    body = {
        "requirements": [{"type": "assert-last-assigned-field-id", "last-assigned-field-id": 1}],
        "updates": [{"action": "add-schema", "schema": {**SCHEMA, "fields": wider}}],
    }
    statuses = all_at_once(WRITERS, lambda _: schema.commit("t", body))
    assert sorted(statuses) == [200] + [409] * (WRITERS - 1)


def test_crossing_transactions_neither_block_nor_mix(schema: Schema) -> None:
    schema.create("a", "b")

    def write(number: int) -> int:
        names = ("a", "b") if number % 2 else ("b", "a")
        changes = [schema.set_property(name, str(number)) for name in names]
        return schema.http.post("transactions/commit", json={"table-changes": changes}).status_code

    assert set(all_at_once(8, write)) == {204}
    assert schema.properties("a") == schema.properties("b") == set("01234567")


def test_a_name_is_won_by_one(schema: Schema) -> None:
    schema.create()
    statuses = all_at_once(8, lambda _: schema.create_table("t"))
    assert sorted(statuses) == [200] + [409] * 7


def test_a_killed_server_forgets_no_commit_it_answered(start_server: Callable[[], Any]) -> None:
    server = start_server()
    before = Schema(server, "s")
    acknowledged: set[str] = set()
    enough = threading.Event()

    def write(number: int) -> None:
        for turn in range(10_000):
            key = f"{number}.{turn}"
            try:
                status = before.commit("t", before.set_property("t", key))
            except httpx.TransportError:
                return
            assert status == 200
            acknowledged.add(key)
            if len(acknowledged) >= 20:
                enough.set()

    with before.http, ThreadPoolExecutor(4) as writers:
        before.create("t")
        running = [writers.submit(write, number) for number in range(4)]
        assert enough.wait(timeout=120)
        server.stop(signal.SIGKILL)
        for one in running:
            one.result()
    after = Schema(start_server(), "s")
    with after.http:
        found = after.properties("t")
        assert acknowledged <= found
        # What is there unannounced is at most the commit each writer had under way.
        assert len(found - acknowledged) <= 4
        assert after.commit("t", after.set_property("t", "after")) == 200
        assert "after" in after.properties("t")
