"""How many drivers a pool starts and ends."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_platform.gateway.connect.pools import Plan, Pool, advance, plan
from spark_platform.gateway.connect.records import Driver, DriverState, Place
from spark_platform.model import Observation, RunState

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
POOL = Pool(image="spark:4", spark_version="4.1.4", size=2, most=5, idle_s=600)
S = DriverState


def driver(state, name="a", *, age_s=100.0, unused_s=10.0, **fields):
    fields.setdefault("fingerprint", POOL.fingerprint)
    place = Place(name, f"uid-{name}", "10.0.0.1:15002") if state in (S.WARM, S.CLAIMED) else None
    return Driver(
        name=name,
        domain="travel",
        state=state,
        created_at=NOW - timedelta(seconds=age_s),
        seen_at=NOW - timedelta(seconds=unused_s),
        place=place,
        **fields,
    )


def drivers(*states, **fields):
    return [driver(state, f"d{at}", **fields) for at, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "waiting", "start"),
    [
        ((), 0, 2),
        ((S.WARM,), 0, 1),
        ((S.STARTING, S.WARM), 0, 0),
        ((S.CLAIMED, S.CLAIMED), 0, 2),
        # as many as there is room for
        ((S.CLAIMED,) * 4, 0, 1),
        ((S.CLAIMED,) * 5, 3, 0),
        # those who wait get one each
        ((S.STARTING,), 2, 3),
        # those that go leave room
        ((S.CLAIMED,) * 4 + (S.ENDING,), 0, 1),
    ],
)
def test_enough_are_kept_warm(states, waiting, start):
    assert plan(POOL, drivers(*states), waiting, NOW) == Plan(start)


@given(
    states=st.lists(st.sampled_from([S.STARTING, S.WARM, S.CLAIMED, S.ENDING]), max_size=12),
    waiting=st.integers(0, 20),
)
def test_there_are_never_too_many(states, waiting):
    found = drivers(*states)
    held = len([each for each in states if each is not S.ENDING])

    due = plan(POOL, found, waiting, NOW)

    assert due.start == 0 or held + due.start <= POOL.most
    assert not due.end


def test_one_that_nobody_has_used_for_long_goes():
    due = plan(POOL, [*drivers(S.CLAIMED, unused_s=601), driver(S.CLAIMED, "b")], 0, NOW)

    assert due.end == ("d0",)


def test_one_that_is_old_or_made_from_something_else_goes_unless_it_is_somebodys():
    old = driver(S.WARM, "old", age_s=POOL.oldest_s + 1)
    other = driver(S.WARM, "other", fingerprint="other")
    mine = driver(S.CLAIMED, "mine", age_s=POOL.oldest_s + 1, fingerprint="other")

    due = plan(POOL, [old, other, mine], 0, NOW)

    assert due == Plan(2, ("old", "other"))


def test_what_makes_a_driver_is_in_its_fingerprint():
    assert replace(POOL, conf={"a": "b"}).fingerprint != POOL.fingerprint
    assert replace(POOL, image="spark:5").fingerprint != POOL.fingerprint
    # how many there are is no part of one
    assert replace(POOL, size=9, idle_s=1).fingerprint == POOL.fingerprint


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 2), (2, 4), (3, 8), (12, 300)])
def test_after_failures_in_a_row_it_takes_its_time(failures, wait_s):
    def due(since_s):
        return plan(POOL, drivers(*[S.FAILED] * failures, unused_s=since_s), 0, NOW).start

    assert due(wait_s - 0.1) == 0
    assert due(wait_s) == 2


def test_a_driver_that_came_ends_the_row():
    row = drivers(*[S.FAILED] * 9, unused_s=60)

    assert plan(POOL, row, 0, NOW).start == 0
    assert plan(POOL, [*row, driver(S.WARM, unused_s=30)], 0, NOW).start == 1


def seen(state=RunState.RUNNING, connect="driver:15002", **fields):
    return Observation("a", state, connect=connect, **fields)


@pytest.mark.parametrize(
    ("state", "found", "next_"),
    [
        (S.STARTING, None, S.STARTING),
        (S.STARTING, seen(RunState.PENDING, ""), S.STARTING),
        (S.STARTING, seen(), S.WARM),
        (S.STARTING, seen(RunState.FAILED, ""), S.FAILED),
        (S.WARM, seen(), S.WARM),
        (S.WARM, seen(RunState.UNKNOWN, ""), S.WARM),
        (S.WARM, seen(RunState.SUCCEEDED, ""), S.FAILED),
        (S.WARM, None, S.FAILED),
        (S.CLAIMED, seen(cancelling=True), S.FAILED),
        (S.CLAIMED, None, S.FAILED),
        (S.ENDING, seen(), S.ENDING),
        (S.FAILED, None, S.FAILED),
    ],
)
def test_the_life_of_a_driver(state, found, next_):
    assert advance(driver(state), found, POOL, NOW) is next_


def test_one_that_does_not_come_up_in_time_has_failed():
    late = driver(S.STARTING, age_s=POOL.starts_within_s + 1)

    assert advance(late, seen(RunState.PENDING, ""), POOL, NOW) is S.FAILED
    assert advance(late, None, POOL, NOW) is S.FAILED
