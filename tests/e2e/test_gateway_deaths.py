"""Replicas of the Gateway that are killed, and drivers: no row, and no write, is lost or twice."""

import contextlib
import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from gateway_replicas import Forwarder, Replica
from gateway_stacks import SLOWLY, TIMEOUT_S, gateway_stack, running
from pyspark.errors.exceptions.connect import SparkConnectException

from spark_platform.gateway.connect.records import DriverState
from spark_platform.kernel.wait import NotYet, poll

ROWS = 60_000
# a partition of 1000 rows takes a tenth of a second
NOW_AND_THEN = "java_method('java.lang.Thread', 'sleep', if(id % 1000 = 0, 100L, 0L))"
CHANGED = r"INVALID_HANDLE\.SESSION_CHANGED"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    name = f"deaths-{secrets.token_hex(3)}"
    with gateway_stack(name, tmp_path_factory.mktemp("stack")) as site:
        yield site


@pytest.fixture
def door(site, tmp_path):
    """Two replicas behind one port, of which all connections go to the first while it lives."""
    with contextlib.ExitStack() as ends:
        door = Door(*(Replica(site, tmp_path / f"{each}.json") for each in range(2)))
        ends.callback(door.close)
        yield door


class Door:
    """Where clients come in, and what is behind it."""

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.forwarder = Forwarder(first.port, second.port)
        self.url = f"sc://localhost:{self.forwarder.port}"

    def close(self):
        for each in (self.first, self.second):
            each.kill()
        self.forwarder.close()


class Calls(grpc.UnaryStreamClientInterceptor):
    """The streams that a client has asked for; ``then`` is done after the first."""

    def __init__(self):
        self.names, self.then = [], None

    def intercept_unary_stream(self, continuation, call, request):
        stream = continuation(call, request)
        self.names.append(call.method.rpartition("/")[2])
        if self.then is not None:
            then, self.then = self.then, None
            then()
        return stream


def test_a_long_result_outlives_the_replica_that_sends_it(site, door):
    calls = Calls()
    with site.session("ana", calls, door=door.url) as session:
        rows = session.range(0, ROWS, 1, ROWS // 1000).selectExpr(
            "id", "repeat('x', 200)", NOW_AND_THEN
        )
        found = rows.toLocalIterator()
        ids = [next(found).id]
        door.first.kill()
        ids += [each.id for each in found]
    assert ids == list(range(ROWS))
    assert calls.names[0] == "ExecutePlan"
    assert set(calls.names[1:]) == {"ReattachExecute"}
    assert all(door.forwarder.passed.values())


@pytest.mark.parametrize("moment", ["as it is sent", "as it runs"])
def test_a_write_happens_once_whichever_replica_dies(site, door, moment):
    table = f"unity.deaths.t_{secrets.token_hex(3)}"
    calls = Calls()
    with site.session("ana", calls, door=door.url) as session:
        session.sql("CREATE NAMESPACE IF NOT EXISTS unity.deaths")
        session.sql(f"CREATE TABLE {table} (id bigint, waited string)")

        def seen(stages, inflight_tasks, operation_id, done):
            if inflight_tasks:
                door.first.kill()

        if moment == "as it runs":
            session.registerProgressHandler(seen)
        else:
            calls.then = door.first.kill
        rows = session.range(0, 10, 1, 1).selectExpr("id", f"{SLOWLY} AS waited")
        rows.writeTo(table).append()
    assert all(door.forwarder.passed.values())
    with site.session("ana") as session:
        assert sorted(each.id for each in session.table(table).collect()) == list(range(10))
        assert session.table(f"{table}.snapshots").count() == 1


def test_a_driver_that_is_killed_takes_its_sessions_along_and_the_pool_is_warm_again(site):
    with site.session("ana") as one, site.session("ana") as other:
        first = site.driver(one)["metadata"]["name"]
        assert site.driver(other)["metadata"]["name"] == first
        with running(one, rows=1000) as (_, rows), ThreadPoolExecutor(1) as pool:
            # it is behind the first: the executor has one core
            behind = pool.submit(other.range(3).count)
            site.kill_driver(one)
            for each in (rows, behind):
                with pytest.raises(SparkConnectException, match=CHANGED):
                    each.result(TIMEOUT_S)
    with site.session("ana") as session:
        assert session.range(7).count() == 7
        assert site.driver(session)["metadata"]["name"] != first

    def warm():
        states = [site.drivers(each) for each in (DriverState.CLAIMED, DriverState.WARM)]
        if [len(each) for each in states] != [1, 1]:
            raise NotYet(str(states))

    poll(warm, what="a driver for whoever comes next", timeout_s=TIMEOUT_S)


def test_that_a_driver_is_gone_says_each_replica_alike(site, door):
    name = f"named-{secrets.token_hex(3)}"
    site.connect_server(name)
    where = {"session_id": str(uuid.uuid4()), "x_spark_cluster": name}
    with site.session("bob", **where) as session:
        assert session.range(2).count() == 2
        site.end(name)
        # one that has never heard of it
        with (
            site.session("bob", door=door.url, **where) as same,
            pytest.raises(SparkConnectException, match=CHANGED),
        ):
            # by itself: of a client's first query pyspark tells only that it has closed itself
            same.conf.get("spark.sql.shuffle.partitions")
        with pytest.raises(SparkConnectException, match=CHANGED):
            session.range(1).count()
