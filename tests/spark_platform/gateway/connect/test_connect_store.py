"""Sessions and pools, on each database product."""

import threading
from datetime import timedelta

import pytest
from runs import START, Time

from spark_platform.gateway.connect.records import (
    Driver,
    DriverState,
    Key,
    Place,
    Session,
    SessionState,
)
from spark_platform.gateway.connect.store import Claimed, Store

S = DriverState
PLACE = Place("connect-1", "uid-1", "10.0.0.1:15002")
OTHER = Place("connect-2", "uid-2", "10.0.0.2:15002")


def key(session="s", user="ana", domain="travel"):
    return Key(domain, user, session)


def driver(name, state=S.WARM, **fields):
    place = Place(name, f"uid-{name}", f"{name}:15002") if state is not S.STARTING else None
    given = {"domain": "travel", "fingerprint": "f", "created_at": START, "seen_at": START,
             "place": place, **fields}  # fmt: skip
    return Driver(name, state=state, **given)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def store(database, time):
    store = Store(database, now=time)
    yield store
    store.close()


def at_once(count, act):
    """What ``act`` returns for each number, on threads that begin together."""
    found, gate = [None] * count, threading.Barrier(count)

    def work(number):
        gate.wait()
        found[number] = act(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


def test_a_session_stays_where_it_is(store):
    assert store.find(key()) is None
    assert store.bind(key(), PLACE) == Session(key(), PLACE)
    assert store.bind(key(), OTHER) == Session(key(), PLACE)
    # the same id of others is another session
    assert store.bind(key(user="bob"), OTHER).place == OTHER
    assert store.bind(key(domain="bank"), OTHER).place == OTHER
    assert store.find(key()) == Session(key(), PLACE)


def test_of_many_who_bind_at_once_all_get_the_same_place(store):
    places = [Place(f"c{number}", f"u{number}", "") for number in range(8)]

    found = at_once(8, lambda number: store.bind(key(), places[number]))

    assert len(set(found)) == 1


def test_a_hundred_who_race_for_five_drivers(store):
    store.reserve("travel", lambda _: [driver(f"d{number}") for number in range(5)])

    found = at_once(100, lambda number: store.claim(key(f"s{number}", user=f"u{number}"), "f"))

    claimed = [each for each in found if each is not None]
    assert len(claimed) == 5
    assert {how for _, how in claimed} == {Claimed.WARM}
    assert {session.place.application for session, _ in claimed} == {f"d{n}" for n in range(5)}
    owners = {each.name: each.owner for each in store.drivers("travel")}
    assert owners == {session.place.application: session.key.user for session, _ in claimed}


def test_a_user_has_one_driver_for_all_sessions(store):
    store.reserve("travel", lambda _: [driver("d1"), driver("d2")])

    found = at_once(10, lambda number: store.claim(key(f"s{number}"), "f"))

    assert len({session.place for session, _ in found}) == 1
    assert sorted(each.state for each in store.drivers("travel")) == [S.CLAIMED, S.WARM]
    again, how = store.claim(key("s0"), "f")
    assert (again, how) == (found[0][0], Claimed.BEFORE)


def test_a_driver_that_does_not_fit_is_not_claimed(store):
    store.reserve("travel", lambda _: [
        driver("starting", S.STARTING), driver("ending", S.ENDING),
        driver("other", fingerprint="g"), driver("theirs", S.CLAIMED, owner="bob"),
    ])  # fmt: skip
    store.reserve("bank", lambda _: [driver("foreign", domain="bank")])

    assert store.claim(key(), "f") is None
    assert store.find(key()) is None


def test_replicas_that_reserve_at_once_do_not_exceed(store):
    def fill(number):
        def added(found):
            return [driver(f"d{number}-{at}") for at in range(5 - len(found))]

        store.reserve("travel", added)

    at_once(8, fill)

    assert len(store.drivers("travel")) == 5


def test_a_driver_turns_once(store, time):
    store.reserve("travel", lambda _: [driver("d1", S.STARTING)])
    (known,) = store.drivers("travel")
    time.pass_(1)

    assert store.turn(known, S.WARM, PLACE)
    assert not store.turn(known, S.FAILED)
    (found,) = store.drivers("travel")
    assert (found.state, found.place, found.seen_at) == (S.WARM, PLACE, time())
    # a claim comes in between
    store.claim(key(), "f")
    time.pass_(1)
    assert not store.turn(found, S.ENDING)


@pytest.mark.parametrize(
    ("state", "sessions"),
    [(S.FAILED, SessionState.LOST), (S.ENDING, SessionState.CLOSED)],
)
def test_a_driver_takes_its_sessions_along(store, state, sessions):
    store.reserve("travel", lambda _: [driver("d1")])
    session, _ = store.claim(key(), "f")
    store.bind(key("clone"), session.place, SessionState.CLONING)
    store.close_session(key())
    store.claim(key("second"), "f")

    (known,) = store.drivers("travel")
    store.turn(known, state)

    assert store.find(key("second")).state is sessions
    assert store.find(key("clone")).state is sessions
    assert store.find(key()).state is SessionState.CLOSED


def test_a_driver_that_is_lost_is_nobodys_any_more(store):
    store.reserve("travel", lambda _: [driver("d1")])
    session, _ = store.claim(key(), "f")

    store.lose(session.place.incarnation)

    assert store.find(key()).state is SessionState.LOST
    assert [each.state for each in store.drivers("travel")] == [S.FAILED]
    assert store.claim(key("new"), "f") is None


def test_use_of_a_session_is_use_of_its_driver(store, time):
    store.reserve("travel", lambda _: [driver("d1"), driver("d2")])
    store.claim(key(), "f")
    time.pass_(100)

    store.used({key(), key("unknown")})

    seen = {each.state: each.seen_at for each in store.drivers("travel")}
    assert seen == {S.CLAIMED: time(), S.WARM: START}


def test_a_place_can_be_taken_back_until_it_is_something(store):
    held = store.bind(key(), PLACE, SessionState.CLONING)
    store.settle(key())
    store.forget(held)
    assert store.find(key()) == Session(key(), PLACE)

    store.forget(Session(key(), PLACE))
    assert store.find(key()) is None


def test_operations_are_of_one_session(store):
    store.begin(key(), "op")
    store.begin(key(), "op")

    assert store.has(key(), "op")
    assert not store.has(key("other"), "op")
    assert not store.has(key(user="bob"), "op")
    store.end(key(user="bob"), "op")
    assert store.has(key(), "op")
    store.end(key(), "op")
    assert not store.has(key(), "op")


def test_what_is_long_over_is_forgotten(store, time):
    for name in ("open", "closed"):
        store.bind(key(name), PLACE)
    store.close_session(key("closed"))
    store.begin(key("open"), "op")

    store.sweep(START)
    assert store.find(key("closed")) is not None
    store.sweep(START + timedelta(seconds=1))

    assert store.find(key("closed")) is None
    assert store.find(key("open")) is not None
    assert not store.has(key("open"), "op")
