"""Which statements and requests leave something on a shared server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql.connect.proto import AnalyzePlanRequest, ExecutePlanRequest

from spark_fixtures.effects import (
    Cached,
    Created,
    effects_of_execute,
    effects_of_sql,
    name_parts,
    persisted_by,
    unpersisted_by,
)

LEAVE_SOMETHING = {
    "CREATE TABLE t (id INT)": Created("table", "t"),
    "create table if not exists db.t using parquet as select 1": Created("table", "db.t"),
    "CREATE OR REPLACE TABLE unity . s . t (id INT)": Created("table", "unity.s.t"),
    "CREATE EXTERNAL TABLE t (id INT) LOCATION 'x'": Created("table", "t"),
    "CREATE TABLE `odd name`.`t-1` (id INT)": Created("table", "`odd name`.`t-1`"),
    "CREATE VIEW v AS SELECT 1": Created("table", "v"),
    "CREATE GLOBAL TEMPORARY VIEW g AS SELECT 1": Created("table", "global_temp.g"),
    "CREATE OR REPLACE GLOBAL TEMP VIEW g AS SELECT 1": Created("table", "global_temp.g"),
    "CREATE DATABASE d": Created("schema", "d"),
    "CREATE SCHEMA IF NOT EXISTS unity.s": Created("schema", "unity.s"),
    "CREATE NAMESPACE unity.s": Created("schema", "unity.s"),
    "CREATE FUNCTION f(x INT) RETURNS INT RETURN x + 1": Created("function", "f"),
    "ALTER TABLE a RENAME TO b": Created("table", "b"),
    "CACHE TABLE t": Cached("t"),
    "CACHE LAZY TABLE db.t AS SELECT 1": Cached("db.t"),
    "/* why */ CREATE TABLE t -- really\n (id INT)": Created("table", "t"),
}
LEAVE_NOTHING = [
    "SELECT 1",
    "CREATE TEMPORARY VIEW v AS SELECT 1",
    "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
    "CREATE TEMPORARY FUNCTION f AS 'org.example.F'",
    "INSERT INTO t VALUES ('CREATE TABLE x (id INT)')",
    "SELECT 'it''s', 'CREATE VIEW v'  -- CREATE TABLE y",
    "UNCACHE TABLE t",
    "DROP TABLE t",
]


@pytest.mark.parametrize("statement", LEAVE_SOMETHING)
def test_statements_that_leave_something(statement):
    assert effects_of_sql(statement) == [LEAVE_SOMETHING[statement]]


@pytest.mark.parametrize("statement", LEAVE_NOTHING)
def test_statements_that_leave_nothing(statement):
    assert effects_of_sql(statement) == []


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    effects_of_sql(text)


@given(st.from_regex(r"[a-z_][a-z0-9_]{0,20}(\.[a-z_][a-z0-9_]{0,20}){0,2}", fullmatch=True))
def test_any_plain_name_is_found(name):
    assert effects_of_sql(f"CREATE TABLE {name} (id INT)") == [Created("table", name)]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("unity.s.t", ("unity", "s", "t")),
        ("UNITY . `S` . t", ("unity", "s", "t")),
        ("`a.b`.`c``d`", ("a.b", "c`d")),
    ],
)
def test_a_name_has_parts_that_quotes_and_case_do_not_change(name, parts):
    assert name_parts(name) == parts


def execute(build) -> list[object]:
    request = ExecutePlanRequest()
    build(request.plan)
    return list(effects_of_execute(request))


def test_a_query_leaves_nothing():
    assert execute(lambda plan: setattr(plan.root.range, "end", 5)) == []


def test_the_text_of_a_sql_command_is_read():
    def command(plan):
        plan.command.sql_command.input.sql.query = "CREATE TABLE t (id INT)"

    assert execute(command) == [Created("table", "t")]


def test_the_text_of_a_sql_command_over_dataframes_is_read():
    def command(plan):
        plan.command.sql_command.input.with_relations.root.sql.query = "CREATE VIEW v AS SELECT 1"

    assert execute(command) == [Created("table", "v")]


def test_writers_create_their_table():
    def save_as_table(plan):
        plan.command.write_operation.table.table_name = "a.t"

    def write_to(plan):
        plan.command.write_operation_v2.table_name = "b.t"

    def to_table(plan):
        plan.command.write_stream_operation_start.table_name = "c.t"

    names = [
        effect.name for build in (save_as_table, write_to, to_table) for effect in execute(build)
    ]
    assert names == ["a.t", "b.t", "c.t"]


def test_a_file_written_creates_no_table():
    assert execute(lambda plan: setattr(plan.command.write_operation, "path", "/x")) == []


@pytest.mark.parametrize(("is_global", "found"), [(True, ["global_temp.v"]), (False, [])])
def test_only_a_global_view_of_a_dataframe_outlives_its_session(is_global, found):
    def view(plan):
        plan.command.create_dataframe_view.name = "v"
        plan.command.create_dataframe_view.is_global = is_global

    assert [effect.name for effect in execute(view)] == found


def test_catalog_calls_are_read():
    def create(plan):
        plan.root.catalog.create_table.table_name = "t"

    def cache(plan):
        plan.root.catalog.cache_table.table_name = "t"

    assert [*execute(create), *execute(cache)] == [Created("table", "t"), Cached("t")]


def test_a_dataframe_is_persisted_until_it_is_unpersisted():
    persist, unpersist, other = AnalyzePlanRequest(), AnalyzePlanRequest(), AnalyzePlanRequest()
    persist.persist.relation.range.end = 5
    unpersist.unpersist.relation.range.end = 5
    other.spark_version.SetInParent()
    assert persisted_by(persist) == unpersisted_by(unpersist) is not None
    assert persisted_by(other) is unpersisted_by(other) is None
