"""Pools that are kept, and clients that come to their drivers."""

import contextlib
import threading
import uuid
from dataclasses import replace

import grpc
import pytest
from connect_fleet import POLICY, POOL, Client, Door
from fault_points import Killed, at_every_point
from google.rpc import error_details_pb2, status_pb2
from pyspark.sql.connect.proto import base_pb2 as pb
from runs import Time

from spark_platform.gateway.audit import Audit
from spark_platform.gateway.connect.keeper import Keeper
from spark_platform.gateway.connect.pools import Pools
from spark_platform.gateway.connect.records import DriverState, Key, SessionState
from spark_platform.gateway.connect.sessions import Sessions
from spark_platform.gateway.connect.store import Store
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import Forbidden, InvalidInput, Transient
from spark_platform.kernel.wait import NotYet, poll

S = DriverState


class Site:
    """A pool that a test keeps step by step, by a clock of its own."""

    def __init__(self, fleet, store, audit, time, pool):
        self.fleet, self.store, self.time, self.pool = fleet, store, time, pool
        self.warmed = []
        pools = Pools({"travel": pool})
        self.keeper = Keeper(
            store, fleet, pools, lambda _, place: self.warmed.append(place.application), now=time
        )
        self.audit = audit
        self.sessions = Sessions(store, fleet, pools, POLICY, audit, self.keeper.wake)

    def look(self, times=1):
        for _ in range(times):
            self.time.pass_(1)
            self.keeper.look("travel")

    def states(self):
        return sorted(each.state.value for each in self.store.drivers("travel"))

    def claim(self, user="ana", session="s"):
        return self.sessions.place(Key("travel", user, session))


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def site(fleet, tmp_path, time):
    database = sqlite_url(tmp_path / "gateway.sqlite")
    with (
        contextlib.closing(Store(database, now=time)) as store,
        contextlib.closing(Audit(database, now=time)) as audit,
    ):
        yield Site(fleet, store, audit, time, replace(POOL, size=2))


def test_a_pool_becomes_warm_and_stays_so(site):
    site.look()
    assert site.states() == ["STARTING", "STARTING"]
    site.look(2)
    assert site.states() == ["WARM", "WARM"]
    assert sorted(site.warmed) == sorted(site.fleet.started)
    site.look(3)
    assert len(site.fleet.started) == 2


def test_a_driver_is_its_users_and_is_replaced(site):
    site.look(3)
    ana, bob = site.claim("ana"), site.claim("bob")
    assert ana.place != bob.place
    assert site.claim("ana", "another").place == ana.place
    # there are three at most
    site.look(3)
    assert site.states() == ["CLAIMED", "CLAIMED", "WARM"]
    assert site.claim("eve").place not in (ana.place, bob.place)


def test_a_driver_that_nobody_uses_is_ended_and_its_sessions_with_it(site):
    site.look(3)
    ana = site.claim("ana")
    site.time.pass_(site.pool.idle_s + 1)
    site.look()
    assert site.store.find(ana.key).state is SessionState.CLOSED
    site.look(3)
    assert ana.place.application in site.fleet.ended
    assert site.states() == ["WARM", "WARM"]
    # a new session works
    assert site.claim("ana", "new").place != ana.place


def test_a_driver_that_dies_takes_its_sessions_and_is_replaced(site):
    site.look(3)
    ana = site.claim("ana")
    site.fleet.kill(ana.place.application)
    site.look()
    assert site.store.find(ana.key).state is SessionState.LOST
    site.look(5)
    assert site.states() == ["FAILED", "WARM", "WARM"]


def test_one_that_died_while_it_was_nobodys_is_passed_over(site):
    site.look(3)
    first, second = (each.name for each in site.store.drivers("travel"))
    site.fleet.kill(first)

    assert site.claim("ana").place.application == second


def test_a_users_driver_that_has_died_gives_way_to_another(site):
    site.look(3)
    ana = site.claim("ana")
    site.fleet.kill(ana.place.application)

    assert site.claim("ana", "new").place != ana.place
    assert site.store.find(ana.key).state is SessionState.LOST


def test_whether_a_users_driver_has_died_is_not_guessed(site):
    site.look(3)
    ana = site.claim("ana")
    site.fleet.servers.pop(ana.place.application).stop()
    site.fleet.away = True

    with pytest.raises(Transient):
        site.claim("ana", "new")
    assert site.store.find(ana.key).state is SessionState.OPEN


def test_a_gateway_that_is_killed_before_a_driver_is_made_makes_it_later(site, fleet):
    start, fleet.start = fleet.start, lambda *_: (_ for _ in ()).throw(Transient("killed"))
    site.look(3)
    assert site.states() == ["STARTING", "STARTING"]
    fleet.start = start

    site.look(2)
    assert site.states() == ["WARM", "WARM"]
    assert len(fleet.started) == 2


def test_one_driver_that_cannot_be_made_keeps_no_other_back(site, fleet):
    site.look()
    first = site.store.drivers("travel")[0].name
    start = fleet.start

    def refused(domain, job):
        if job.name == first:
            raise InvalidInput("the cluster wants it otherwise")
        start(domain, job)

    fleet.start = refused
    site.look(3)
    assert site.states() == ["STARTING", "WARM"]
    site.time.pass_(site.pool.starts_within_s)
    site.look()
    assert "FAILED" in site.states()


def test_drivers_that_do_not_come_up_are_tried_ever_less_often(site, fleet):
    fleet.hold.clear()
    for _ in range(60):
        site.time.pass_(site.pool.starts_within_s + 1)
        site.look()
    # an hour of them; without a pause it would be a hundred
    assert len(fleet.started) < 40
    assert "WARM" not in site.states()


def test_two_keepers_make_no_more_than_one_does(site):
    other = Site(site.fleet, site.store, site.audit, site.time, site.pool)
    threads = [
        threading.Thread(target=each.look, args=(4,)) for each in (site, other) for _ in range(2)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(site.fleet.started)) == 2


def test_a_pool_of_something_else_replaces_its_drivers(site):
    site.look(3)
    ana = site.claim("ana")
    changed = replace(site.pool, conf={"spark.sql.ansi.enabled": "false"})
    other = Site(site.fleet, site.store, site.audit, site.time, changed)

    other.look(5)

    prints = {each.state: each.fingerprint for each in site.store.drivers("travel")}
    assert prints[S.WARM] == changed.fingerprint
    # whose it is keeps it, and new sessions go elsewhere
    assert prints[S.CLAIMED] == site.pool.fingerprint
    assert other.claim("ana", "new").place != ana.place


def test_a_domain_without_a_pool_is_told_what_to_do(site):
    with pytest.raises(InvalidInput, match="has no pool") as error:
        site.sessions.place(Key("bank", "ana", "s"))
    assert "x-spark-cluster" in error.value.hint


def test_who_does_what_is_written_down(site):
    site.look(3)
    ana = site.claim("ana")
    site.sessions.begun(ana, "op-1")
    site.sessions.release(ana)
    told = [(each.user, each.verb, each.name, each.outcome) for each in site.audit.entries()]
    assert told == [
        ("ana", "session", "s", "done"),
        ("ana", "ExecutePlan", "s", "done"),
        ("ana", "ReleaseSession", "s", "done"),
    ]
    assert site.audit.entries()[1].why == f"operation op-1 on {ana.place.application}"


def test_what_cannot_be_written_down_is_not_done(site, monkeypatch):
    site.look(3)

    def broken(*_):
        raise Transient("the audit is away")

    monkeypatch.setattr(site.audit, "ended", broken)
    with pytest.raises(Transient, match="audit is away"):
        site.claim("ana")
    assert site.store.find(Key("travel", "ana", "s")) is None


def test_who_is_of_no_domain_is_refused_and_that_is_written_down(site):
    with pytest.raises(Forbidden, match='no domain "nowhere"'):
        site.sessions.check(Key("nowhere", "eve", "s"), "ExecutePlan")
    (entry,) = site.audit.entries()
    assert (entry.user, entry.domain, entry.verb, entry.outcome) == (
        *("eve", "nowhere", "ExecutePlan", "refused"),
    )


def config(session_id):
    return pb.ConfigRequest(session_id=session_id).SerializeToString()


def new():
    return config(str(uuid.uuid4()))


@pytest.fixture
def doors(fleet, tmp_path):
    opened = []

    def make(**fields):
        pool = replace(POOL, **fields)
        opened.append(Door(fleet, sqlite_url(tmp_path / "gateway.sqlite"), Pools({"travel": pool})))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_a_client_waits_while_its_driver_starts(fleet, doors):
    fleet.hold.clear()
    with Client(doors(size=0).port) as client:
        path = "/spark.connect.SparkConnectService/Config"
        call = client.channel.unary_unary(path).future(new(), metadata=client.headers, timeout=30)

        def started():
            if not fleet.servers:
                raise NotYet("no driver was made")

        poll(started, what="a driver for whoever waits", timeout_s=20)
        assert not call.done()
        fleet.hold.set()
        assert call.result(20)


def test_a_client_that_waits_in_vain_is_told_to_come_again(fleet, doors):
    fleet.hold.clear()
    with (
        Client(doors(size=0, starts_within_s=2).port) as client,
        pytest.raises(grpc.RpcError) as error,
    ):
        client.ask("Config", new(), timeout=60, metadata=[*client.headers])
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "no driver of domain travel has come up" in error.value.details()
    assert retry_delay_s(error.value) == 1


def test_where_all_drivers_are_taken_the_client_is_told_so(fleet, doors):
    port = doors(size=1, most=1).port
    with Client(port, "ana@travel") as client:
        client.ask("Config", new())
    with Client(port, "bob@travel") as client, pytest.raises(grpc.RpcError) as error:
        client.ask("Config", new())
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "all 1 drivers of domain travel are in use" in error.value.details()
    assert retry_delay_s(error.value) > 1


def retry_delay_s(error):
    status = status_pb2.Status.FromString(
        dict(error.trailing_metadata())["grpc-status-details-bin"]
    )
    found = error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(found)
    return found.retry_delay.ToMilliseconds() / 1000


def test_users_do_not_share_drivers_and_a_users_sessions_do(fleet, doors):
    port = doors(size=2, most=3).port
    for token in ("ana@travel", "bob@travel", "ana@travel"):
        with Client(port, token) as client:
            client.ask("Config", new())
    asked = {
        name: {
            pb.ConfigRequest.FromString(call.messages[0]).user_context.user_id
            for call in server.of("Config")
        }
        for name, server in fleet.servers.items()
    }
    assert sorted(map(sorted, filter(None, asked.values()))) == [["ana"], ["bob"]]


def test_a_domain_that_has_no_pool_of_its_own_gets_one_when_it_asks(fleet, tmp_path):
    pools = Pools({}, replace(POOL, size=0))
    door = Door(fleet, sqlite_url(tmp_path / "others.sqlite"), pools)
    try:
        assert not fleet.started
        with Client(door.port, "eve@bank") as client:
            client.ask("Config", new())
        assert len(fleet.started) == 1
    finally:
        door.close()


def test_a_session_has_one_driver_wherever_the_gateway_is_killed(fleet, tmp_path, time):
    def scenario(fault):
        database = sqlite_url(tmp_path / f"gateway-{fault.number}.sqlite")
        with (
            contextlib.closing(Store(database, now=time)) as store,
            contextlib.closing(Audit(database, now=time)) as audit,
        ):
            site = Site(fleet, store, audit, time, replace(POOL, size=2))
            site.look(3)
            key = Key("travel", "ana", "s")
            killed = Sessions(
                *(fault.mortal(store, "store"), fault.mortal(fleet, "fleet")),
                *(Pools({"travel": site.pool}), POLICY, audit, lambda _: None),
            )
            try:
                session = killed.place(key)
                killed.begun(session, "operation")
            except Killed:
                session = site.sessions.place(key)
                site.sessions.begun(session, "operation")
            claimed = [each for each in store.drivers("travel") if each.state is S.CLAIMED]
            assert [each.place for each in claimed] == [session.place], fault.where
            assert store.find(key).state is SessionState.OPEN
            assert site.sessions.has(session, "operation")
            # others come to another driver
            assert site.claim("bob").place != session.place
        fleet.close()

    points = at_every_point(scenario)
    assert {"after store.claim", "after fleet.answers", "after store.begin"} <= set(points)
