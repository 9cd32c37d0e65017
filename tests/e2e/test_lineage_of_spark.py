"""A real Spark, its real OpenLineage listener, and what the catalog then knows."""

import dataclasses
import json
import os
from xml.etree import ElementTree

import httpx
import pytest
from pyspark.errors import PySparkException
from stacks import cli

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.connect import end_session, open_session
from spark_testkit.service import ServiceRequest
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

STACK = "lineage"
BIG, ORDERS, CUSTOMERS = "unity.sales.big", "unity.sales.orders", "unity.sales.customers"
STATEMENTS = (
    "create schema unity.sales",
    "create table unity.sales.orders as select 1 id, 1 customer, 10.0D amount, 'eu' region",
    "create table unity.sales.customers as select 1 id, 'ann' name",
    "create table unity.sales.big as select c.name, o.amount * 2 twice, upper(c.name) loud"
    " from unity.sales.orders o join unity.sales.customers c on o.customer = c.id"
    " where o.region = 'eu'",
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lineage") / "state"
    return dataclasses.replace(Settings.from_env(os.environ), state_dir=folder)


@pytest.fixture(scope="module", params=["4.1", "3.5"])
def stack(settings, request):
    """A stack whose Spark has written a table from two others, and has told so."""
    with Stack(STACK, settings=settings) as stack:
        stack.up(ServiceRequest.of("spark-connect", lineage=True, engine=request.param))
        spark = open_session(stack.env()["SPARK_REMOTE"])
        for statement in STATEMENTS:
            spark.sql(statement).collect()

        def told():
            if len(asked(stack, "table-lineage", table_name=BIG).get("upstreams", [])) < 2:
                raise NotYet("the listener has told nothing yet")

        poll(told, what="lineage to arrive", timeout_s=60)
        end_session(spark)
        yield stack


@pytest.fixture
def spark(stack):
    session = open_session(stack.env()["SPARK_REMOTE"])
    yield session
    end_session(session)


def asked(stack, what, **arguments):
    url = f"{stack.env()['UNITY_CATALOG_URI']}/api/2.0/lineage-tracking/{what}"
    return httpx.get(url, params=arguments, trust_env=False).json()


def test_neighbours_of_a_table(stack):
    found = asked(stack, "table-lineage", table_name=BIG)
    assert [one["tableInfo"]["name"] for one in found["upstreams"]] == ["customers", "orders"]
    assert found["downstreams"] == []
    found = asked(stack, "table-lineage", table_name=ORDERS)
    assert [one["tableInfo"]["name"] for one in found["downstreams"]] == ["big"]


def test_neighbours_of_columns(stack):
    def sources(column):
        found = asked(stack, "column-lineage", table_name=BIG, column_name=column)
        return [f"{one['table_name']}.{one['name']}" for one in found["upstream_cols"]]

    assert [sources(column) for column in ("name", "twice", "loud")] == [
        ["customers.name"],
        ["orders.amount"],
        ["customers.name"],
    ]


def test_the_history_is_a_table(spark):
    rows = spark.sql(
        "select distinct source_table_full_name, target_table_full_name, entity_type, source_type"
        f" from system.access.table_lineage where target_table_full_name = '{BIG}'"
    ).collect()
    assert sorted(map(tuple, rows)) == [
        (CUSTOMERS, BIG, "JOB", "TABLE"),
        (ORDERS, BIG, "JOB", "TABLE"),
    ]
    rows = spark.sql(
        "select distinct source_table_name, source_column_name, target_column_name"
        f" from system.access.column_lineage where target_table_full_name = '{BIG}'"
    ).collect()
    assert sorted(map(tuple, rows)) == [
        ("customers", "name", "loud"),
        ("customers", "name", "name"),
        ("orders", "amount", "twice"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into system.access.table_lineage select * from system.access.table_lineage",
        "drop table system.access.table_lineage",
        "create schema system.mine",
    ],
)
def test_the_history_cannot_be_changed(spark, statement):
    with pytest.raises(PySparkException, match="read-only"):
        spark.sql(statement).collect()


def test_the_command_draws_it(stack, settings, tmp_path):
    shown = cli("lineage", BIG, "--name", STACK, settings=settings)
    assert shown.stdout.splitlines() == [
        BIG,
        "└── comes from",
        f"    ├── {CUSTOMERS}",
        f"    └── {ORDERS}",
    ]
    picture = tmp_path / "big.svg"
    written = cli(
        *("lineage", BIG, "--columns", "-o", "json", "--svg", str(picture), "--name", STACK),
        settings=settings,
    )
    assert {"source": f"{ORDERS}.amount", "target": f"{BIG}.twice"} in json.loads(written.stdout)[
        "edges"
    ]
    assert f"{ORDERS}.amount" in {text.text for text in ElementTree.parse(picture).iter()}
    flowchart = cli("lineage", BIG, "--mermaid", "--name", STACK, settings=settings)
    assert flowchart.stdout.startswith("flowchart LR\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["unity.sales.none"], "does not exist"),
        (["unity.sales.none", "--columns"], "does not exist"),
        (["big"], "use catalog.schema.table"),
        ([BIG, "--mermaid", "-o", "json"], "both want stdout"),
    ],
)
def test_questions_it_cannot_answer(stack, settings, arguments, said):
    refused = cli("lineage", *arguments, "--name", STACK, settings=settings)
    assert refused.returncode == 2
    assert said in refused.stderr
