"""Where applications are, on each database product."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from spark_platform.gateway.placements import Placement, Placements

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ONE = Placement("travel", "app", "east", "by weight", "travel", "ana", START)


@pytest.fixture
def placements(database):
    placements = Placements(database)
    yield placements
    placements.close()


def test_the_first_place_stays(placements):
    assert placements.find("travel", "app") is None
    assert placements.place(ONE) == ONE
    assert placements.place(replace(ONE, cluster="west")) == ONE
    assert placements.find("travel", "app") == ONE
    assert placements.place(replace(ONE, namespace="bank", cluster="west")).cluster == "west"


def test_of_many_at_once_all_get_the_same(placements):
    found = []

    def place(number):
        found.append(placements.place(replace(ONE, cluster=f"c{number}")).cluster)

    threads = [threading.Thread(target=place, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_name_that_is_over_is_given_away_once(placements):
    placements.place(ONE)
    placements.made(ONE)
    placements.over("travel", "app")
    over = placements.find("travel", "app")
    assert over == replace(ONE, made=True, deleted=True)
    first, second = (
        replace(ONE, cluster=cluster, created_at=START + timedelta(seconds=later_s))
        for later_s, cluster in ((1, "west"), (2, "east"))
    )
    placements.replace(over, first)
    placements.made(first)
    placements.replace(over, second)
    assert placements.find("travel", "app") == replace(first, made=True)


def test_only_what_was_meant_is_made(placements):
    placements.place(ONE)
    placements.made(replace(ONE, created_at=START + timedelta(seconds=1)))
    assert placements.find("travel", "app") == ONE


def test_only_what_was_meant_is_forgotten(placements):
    placements.place(ONE)
    placements.forget(replace(ONE, created_at=START + timedelta(seconds=1)))
    assert placements.find("travel", "app") == ONE
    placements.forget(ONE)
    assert placements.find("travel", "app") is None
