"""Iceberg's own Spark integration on the catalog, through what its documentation has SQL for."""

import datetime

import pytest

ENGINES = ["4.1", "3.5"]
PARAMETERS = [pytest.param(name, marks=pytest.mark.sparktk(engine=name)) for name in ENGINES]


@pytest.fixture(params=PARAMETERS, autouse=True)
def engine(request):
    """Every test runs on each of them."""
    return request.param


def rows(spark, query: str) -> list[tuple]:
    return [tuple(row) for row in spark.sql(query).collect()]


@pytest.fixture
def table(spark, schema):
    name = f"{schema}.t"
    spark.sql(f"CREATE TABLE {name} USING iceberg AS SELECT id, id % 3 AS part FROM range(9)")
    return name


def test_rows_are_changed_in_place(spark, table):
    spark.sql(f"UPDATE {table} SET part = 9 WHERE id = 0")
    spark.sql(f"DELETE FROM {table} WHERE id = 1")
    spark.sql(
        f"MERGE INTO {table} t USING (SELECT * FROM VALUES (2, 7), (20, 8) AS s(id, part)) s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET part = s.part "
        "WHEN NOT MATCHED THEN INSERT (id, part) VALUES (s.id, s.part)"
    )
    changed = rows(spark, f"SELECT id, part FROM {table} WHERE part > 2 ORDER BY id")
    assert changed == [(0, 9), (2, 7), (20, 8)]
    assert rows(spark, f"SELECT count(*) FROM {table}") == [(9,)]


def test_the_past_is_there_by_snapshot_branch_and_tag(spark, table):
    [(first,)] = rows(spark, f"SELECT snapshot_id FROM {table}.snapshots")
    spark.sql(f"ALTER TABLE {table} CREATE TAG before")
    spark.sql(f"ALTER TABLE {table} CREATE BRANCH audit")
    spark.sql(f"INSERT INTO {table}.branch_audit VALUES (100, 1)")
    spark.sql(f"DELETE FROM {table}")
    count = "SELECT count(*) FROM"
    assert rows(spark, f"{count} {table}") == [(0,)]
    assert rows(spark, f"{count} {table} VERSION AS OF {first}") == [(9,)]
    assert rows(spark, f"{count} {table} VERSION AS OF 'before'") == [(9,)]
    assert rows(spark, f"{count} {table} VERSION AS OF 'audit'") == [(10,)]
    assert {name for (name,) in rows(spark, f"SELECT name FROM {table}.refs")} == {
        *("main", "before", "audit")
    }


def test_schema_and_partitions_evolve(spark, table):
    spark.sql(f"ALTER TABLE {table} ADD COLUMN at timestamp AFTER id")
    spark.sql(f"ALTER TABLE {table} RENAME COLUMN part TO kind")
    spark.sql(f"ALTER TABLE {table} ALTER COLUMN kind COMMENT 'of three'")
    spark.sql(f"ALTER TABLE {table} ADD PARTITION FIELD bucket(4, id)")
    spark.sql(f"ALTER TABLE {table} ADD PARTITION FIELD days(at)")
    spark.sql(f"INSERT INTO {table} VALUES (50, timestamp '2026-01-02 03:04:05', 1)")
    spark.sql(f"ALTER TABLE {table} DROP PARTITION FIELD bucket(4, id)")
    spark.sql(f"ALTER TABLE {table} DROP COLUMN kind")
    assert spark.table(table).columns == ["id", "at"]
    new = rows(spark, f"SELECT id, cast(at AS date) FROM {table} WHERE at IS NOT NULL")
    assert new == [(50, datetime.date(2026, 1, 2))]
    assert rows(spark, f"SELECT count(DISTINCT spec_id) FROM {table}.files") == [(2,)]


def test_procedures_maintain_it(spark, table):
    for number in range(3):
        spark.sql(f"INSERT INTO {table} VALUES ({number + 200}, 1)")
    name = table.removeprefix("unity.")
    [rewritten] = spark.sql(
        f"CALL unity.system.rewrite_data_files(table => '{name}', "
        "options => map('min-input-files', '2', 'rewrite-all', 'true'))"
    ).collect()
    assert rewritten["rewritten_data_files_count"] >= 4
    expired = spark.sql(
        f"CALL unity.system.expire_snapshots(table => '{name}', "
        "older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1)"
    ).collect()
    assert expired
    assert rows(spark, f"SELECT count(*) FROM {table}.snapshots") == [(1,)]
    assert rows(spark, f"SELECT count(*) FROM {table}") == [(12,)]


def test_views_are_made_replaced_and_dropped(spark, schema, table):
    view = f"{schema}.v"
    spark.sql(f"CREATE VIEW {view} COMMENT 'small ones' AS SELECT id FROM {table} WHERE id < 3")
    assert rows(spark, f"SELECT count(*) FROM {view}") == [(3,)]
    spark.sql(f"CREATE OR REPLACE VIEW {view} (one) AS SELECT id FROM {table} WHERE id < 2")
    assert spark.table(view).columns == ["one"]
    assert rows(spark, f"SELECT count(*) FROM {view}") == [(2,)]
    assert [name for (_, name, _) in rows(spark, f"SHOW VIEWS IN {schema}")] == ["v"]
    spark.sql(f"ALTER VIEW {view} RENAME TO {schema}.w")
    spark.sql(f"DROP VIEW {schema}.w")
    assert rows(spark, f"SHOW VIEWS IN {schema}") == []


def test_a_table_is_replaced_renamed_and_purged(spark, schema, table):
    spark.sql(f"CREATE OR REPLACE TABLE {table} USING iceberg AS SELECT 'x' AS only")
    assert rows(spark, f"SELECT * FROM {table}") == [("x",)]
    # Spark takes the new name as one in the table's catalog
    spark.sql(f"ALTER TABLE {table} RENAME TO {schema.removeprefix('unity.')}.u")
    assert rows(spark, f"SELECT * FROM {schema}.u") == [("x",)]
    spark.sql(f"DROP TABLE {schema}.u PURGE")
    assert rows(spark, f"SHOW TABLES IN {schema}") == []
