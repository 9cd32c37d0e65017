"""DuckDB's Iceberg extension, with nothing of its own but a token: the catalog hands out all keys.

Run with the catalog's host and a file of secrets: its admin's ``token``, and the ``secret`` of the
service principal ``duck``, which may read the table ``duckdb.kept`` that this makes.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path
from urllib.request import Request, urlopen

import duckdb
from duckdb_extended import duckdb_with

URL, SECRETS = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
ICEBERG = f"{URL}/api/2.1/unity-catalog/iceberg"
OPTIONS = f"TYPE iceberg, ENDPOINT '{ICEBERG}', SECRET mine"


def connected(secret: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, attached to ``unity``."""
    connection = duckdb_with("httpfs", "avro", "iceberg")
    connection.execute(f"CREATE SECRET mine (TYPE iceberg, {secret})")
    connection.execute(f"ATTACH 'unity' AS unity ({OPTIONS})")
    return connection


def refused(connection: duckdb.DuckDBPyConnection, query: str, *said: str) -> None:
    refusal = ""
    try:
        connection.execute(query)
    except duckdb.Error as error:
        refusal = str(error)
    assert refusal, query
    assert all(word in refusal for word in said), (query, refusal)


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


def one_table(admin: duckdb.DuckDBPyConnection) -> None:
    admin.execute("CREATE TABLE unity.duckdb.t (id BIGINT, name VARCHAR)")
    refused(admin, "CREATE TABLE unity.duckdb.t (id BIGINT)", "already exists")
    admin.execute("INSERT INTO unity.duckdb.t VALUES (1, 'a'), (2, 'b'), (3, NULL)")
    admin.execute("UPDATE unity.duckdb.t SET name = 'z' WHERE id = 1")
    admin.execute("DELETE FROM unity.duckdb.t WHERE id = 2")
    left = [(1, "z"), (3, None)]
    assert rows(admin, "SELECT * FROM unity.duckdb.t ORDER BY id") == left
    admin.execute(
        "MERGE INTO unity.duckdb.t t USING (VALUES (3, 'c'), (4, 'd')) s(id, name) ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT"
    )
    assert rows(admin, "SELECT count(*), max(name) FROM unity.duckdb.t") == [(3, "z")]
    history = rows(admin, "SELECT snapshot_id FROM iceberg_snapshots('unity.duckdb.t')")
    assert len(history) >= 4, history
    first = min(
        rows(admin, "SELECT sequence_number, snapshot_id FROM iceberg_snapshots('unity.duckdb.t')")
    )[1]
    past = f"SELECT count(*) FROM unity.duckdb.t AT (VERSION => {first})"
    assert rows(admin, past) == [(3,)]
    admin.execute("ALTER TABLE unity.duckdb.t ADD COLUMN more INTEGER")
    admin.execute("ALTER TABLE unity.duckdb.t RENAME COLUMN name TO called")
    described = admin.execute("DESCRIBE unity.duckdb.t").fetchall()
    assert [column[0] for column in described] == ["id", "called", "more"]


def all_types_and_partitions(admin: duckdb.DuckDBPyConnection) -> None:
    admin.execute("CREATE TABLE unity.duckdb.days (id BIGINT, day DATE) PARTITIONED BY (day)")
    admin.execute("INSERT INTO unity.duckdb.days VALUES (1, '2026-01-01'), (2, '2026-01-02')")
    query = "SELECT id FROM unity.duckdb.days WHERE day = '2026-01-02'"
    assert rows(admin, query) == [(2,)]
    admin.execute(
        "CREATE TABLE unity.duckdb.nested AS SELECT ['x'] AS tags, {'a': 1} AS inside, "
        "MAP {'k': 1} AS facts, 2.5::DECIMAL(10, 2) AS price, now() AS made"
    )
    told = rows(admin, "SELECT tags[1], inside.a, facts['k'], price FROM unity.duckdb.nested")
    assert told == [("x", 1, 1, Decimal("2.50"))]


def two_tables_at_once(admin: duckdb.DuckDBPyConnection) -> None:
    for end, added in (("ROLLBACK", 0), ("COMMIT", 1)):
        admin.execute("BEGIN")
        admin.execute("INSERT INTO unity.duckdb.t (id) VALUES (9)")
        admin.execute("INSERT INTO unity.duckdb.days (id) VALUES (9)")
        admin.execute(end)
        for table in ("t", "days"):
            query = f"SELECT count(*) FROM unity.duckdb.{table} WHERE id = 9"
            assert rows(admin, query) == [(added,)]


def a_reader(admin: duckdb.DuckDBPyConnection) -> None:
    admin.execute("CREATE TABLE unity.duckdb.kept AS SELECT range AS id FROM range(10)")
    grant("catalog", "unity", "USE CATALOG")
    grant("schema", "unity.duckdb", "USE SCHEMA")
    grant("table", "unity.duckdb.kept", "SELECT")
    login = f"CLIENT_ID 'duck', CLIENT_SECRET '{SECRETS['secret']}', OAUTH2_SCOPE 'all-apis'"
    reader = connected(f"{login}, OAUTH2_SERVER_URI '{URL}/oidc/v1/token'")
    assert rows(reader, "SELECT sum(id) FROM unity.duckdb.kept") == [(45,)]
    # the store itself: the keys that came with the table are for reading
    refused(reader, "INSERT INTO unity.duckdb.kept VALUES (10)", "403", ".parquet")
    refused(reader, "CREATE TABLE unity.duckdb.own (a INT)", "Forbidden_403", "CREATE TABLE")
    refused(reader, "DROP TABLE unity.duckdb.kept", "Forbidden_403")
    assert rows(reader, "SELECT name FROM (SHOW ALL TABLES)") == [("kept",)]


def grant(kind: str, name: str, privilege: str) -> None:
    body = {"changes": [{"principal": "duck", "add": [privilege]}]}
    request = Request(
        f"{URL}/api/2.1/unity-catalog/permissions/{kind}/{name}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {SECRETS['token']}"},
        method="PATCH",
    )
    with urlopen(request) as answer:
        assert answer.status == 200


refusal = ""
try:
    connected("TOKEN 'forged'")
except duckdb.Error as error:
    refusal = str(error)
assert "Unauthorized_401" in refusal, refusal
owner = connected(f"TOKEN '{SECRETS['token']}'")
refused(owner, f"ATTACH 'none' AS other ({OPTIONS})", "NotFound_404")
refused(owner, 'CREATE SCHEMA unity."a.b"', "BadRequest_400")
owner.execute("CREATE SCHEMA unity.duckdb")
one_table(owner)
all_types_and_partitions(owner)
two_tables_at_once(owner)
a_reader(owner)
refused(owner, "DROP SCHEMA unity.duckdb", "NamespaceNotEmptyException")
for name in ("t", "days", "nested"):
    owner.execute(f"DROP TABLE unity.duckdb.{name}")
