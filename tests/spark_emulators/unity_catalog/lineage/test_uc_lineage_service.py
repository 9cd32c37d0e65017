"""Events in, neighbours out, on every database."""

from dataclasses import dataclass

import pytest
from sqlalchemy import event as listening

from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.lineage.database import EDGES, PENDING
from spark_emulators.unity_catalog.lineage.edges import End, Type
from spark_emulators.unity_catalog.lineage.events import parse_event
from spark_emulators.unity_catalog.lineage.service import Lineage
from spark_emulators.unity_catalog.store.database import SCHEMA
from spark_platform.kernel.database import open_database, reading
from spark_platform.kernel.errors import InvalidInput

BIG, ORDERS, CUSTOMERS = "unity.sales.big", "unity.sales.orders", "unity.sales.customers"
DAY_MS = 24 * 60 * 60 * 1000


class Clock:
    now = 1_800_000_000_000

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engine(database):
    engine = open_database(database, SCHEMA)
    yield engine
    engine.dispose()


@pytest.fixture
def lineage(engine, catalog, clock):
    return Lineage(engine, catalog, clock)


def record(lineage, documents):
    for document in documents:
        lineage.record(parse_event(document), created_by="ann")


def records(lineage, *, columns=False):
    return lineage.store.records(columns=columns, after=0, until=lineage.store.newest_record())


def names(links):
    return [link.end.name for link in links]


def columns(links):
    return [f"{link.end.name}.{link.column}" for link in links]


def count(engine, table):
    with reading(engine) as connection:
        return len(connection.execute(table.select()).all())


def test_what_real_events_say(lineage, captured):
    record(lineage, captured)
    big = lineage.table(BIG)
    assert names(big.upstream) == [CUSTOMERS, ORDERS]
    assert names(big.downstream) == ["s3://unity/export/big"]
    assert names(lineage.table(ORDERS).downstream) == [BIG]
    [link] = lineage.table(ORDERS).downstream
    assert list(link.jobs) == ["spark_connect"]
    assert columns(lineage.column(BIG, "twice").upstream) == [f"{ORDERS}.amount"]
    assert columns(lineage.column(CUSTOMERS, "name").downstream) == [
        f"{BIG}.loud",
        f"{BIG}.name",
    ]


def test_nothing_counts_before_the_run_completes(lineage, captured, engine):
    record(lineage, captured[1:3])
    assert count(engine, PENDING) == 2
    assert count(engine, EDGES) == 0
    record(lineage, captured[3:4])
    assert count(engine, PENDING) == 0
    assert names(lineage.table(BIG).upstream) == [CUSTOMERS, ORDERS]


def test_what_only_the_start_saw_counts_too(lineage, captured):
    start, complete = captured[1], {**captured[3], "inputs": []}
    record(lineage, [start, complete])
    assert names(lineage.table(BIG).upstream) == [CUSTOMERS, ORDERS]


@pytest.mark.parametrize("end", ["FAIL", "ABORT"])
def test_a_run_that_fails_leaves_nothing(lineage, captured, engine, end):
    record(lineage, [*captured[1:3], {**captured[3], "eventType": end}])
    assert count(engine, PENDING) == 0
    with pytest.raises(NoSuch):
        lineage.table(BIG)


def test_running_events_that_say_the_same_are_kept_once(lineage, captured, engine):
    record(lineage, [captured[2]] * 5)
    assert count(engine, PENDING) == 1


def test_runs_that_never_end_are_let_go_after_a_day(lineage, captured, engine, clock):
    record(lineage, captured[1:2])
    clock.now += DAY_MS + 1
    record(lineage, captured[2:3])
    assert count(engine, PENDING) == 1


def test_an_event_told_twice_is_recorded_once(lineage, captured):
    record(lineage, [captured[4], captured[4]])
    assert len(records(lineage)) == 2
    assert len(records(lineage, columns=True)) == 3


def test_the_graph_does_not_grow_with_runs(lineage, captured, engine):
    record(lineage, captured[4:5])
    before = count(engine, EDGES)
    for number in range(20):
        run = {**captured[4]["run"], "runId": f"01a21ce2-f290-73bc-a767-{number:012}"}
        record(lineage, [{**captured[4], "run": run}])
    assert count(engine, EDGES) == before
    assert len(records(lineage)) == 42
    statements = []
    listening.listen(engine, "after_cursor_execute", lambda *call: statements.append(call[2]))
    lineage.store.upstream(End(Type.TABLE, BIG))
    assert len([text for text in statements if "SELECT" in text]) == 1


def test_the_newest_time_counts_whatever_comes_last(lineage, captured):
    late = {**captured[4], "eventTime": "2030-01-01T00:00:00Z"}
    record(lineage, [late, captured[4]])
    assert {link.event_time for link in lineage.table(BIG).upstream} == {1_893_456_000_000}


@dataclass
class Without:
    """Everything is permitted, but for these tables."""

    seen: str = ""
    read: str = ""
    written: str = ""

    def sees(self, table):
        return table != self.seen

    def reads(self, table):
        return table != self.read

    def writes(self, table):
        return table != self.written

    def require_owner(self, owner, what):
        raise AssertionError((owner, what))


def test_who_may_not_see_a_table_does_not(engine, catalog, clock, lineage, captured):
    record(lineage, captured)
    shown = Lineage(engine, catalog, clock, Without(seen=CUSTOMERS))
    assert names(shown.table(BIG).upstream) == [ORDERS]
    assert shown.column(BIG, "name").upstream == []
    with pytest.raises(NoSuch):
        shown.table(CUSTOMERS)


def test_what_who_tells_could_not_have_done_does_not_count(engine, catalog, clock, captured):
    lineage = Lineage(engine, catalog, clock, Without(read=CUSTOMERS))
    record(lineage, captured)
    assert names(lineage.table(BIG).upstream) == [ORDERS]
    assert lineage.column(BIG, "name").upstream == []


def test_nor_does_what_it_could_not_have_written(engine, catalog, clock, captured):
    lineage = Lineage(engine, catalog, clock, Without(written=BIG))
    record(lineage, captured[:5])
    assert records(lineage) == []


def test_a_table_without_lineage_has_no_neighbours(lineage, catalog):
    catalog.tables["s3://bucket/new"] = "unity.s.new"
    assert lineage.table("unity.s.new").upstream == []


@pytest.mark.parametrize("name", ["", "t", "s.t", "a.b.c.d"])
def test_a_name_has_three_parts(lineage, name):
    with pytest.raises(InvalidInput, match="table_name"):
        lineage.table(name)


def test_a_table_does_not_neighbour_itself(lineage, captured):
    record(lineage, captured[7:8])
    big = lineage.table(BIG)
    assert (names(big.upstream), names(big.downstream)) == ([CUSTOMERS], [])
    assert len(records(lineage)) == 2


STATED = {
    "namespace": "s3://unity",
    "name": "out",
    "facets": {
        "lineage": {
            "inputs": [{"namespace": "s3://unity", "name": "in", "type": "DATASET"}],
        }
    },
}
TOLD = {"eventTime": "2026-01-01T00:00:00Z", "producer": "p", "schemaURL": "s"}


@pytest.mark.parametrize(
    "document",
    [
        {**TOLD, "dataset": STATED},
        {**TOLD, "job": {"namespace": "n", "name": "j"}, "outputs": [STATED]},
    ],
)
def test_what_is_told_outside_of_a_run_counts_at_once(lineage, catalog, document):
    catalog.tables["s3://unity/out"] = "unity.s.out"
    record(lineage, [document, document])
    assert names(lineage.table("unity.s.out").upstream) == ["s3://unity/in"]
    [row] = records(lineage)
    assert (row.happening.created_by, row.happening.entity_id) == ("ann", None)


def test_a_dataset_of_which_no_origin_is_told_is_no_write(lineage):
    record(lineage, [{**TOLD, "dataset": {"namespace": "n", "name": "d"}}])
    assert records(lineage) == []
