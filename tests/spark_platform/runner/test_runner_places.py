"""Where domains' jobs run, and who listens there."""

import threading

import pytest
from runs import Told

from spark_platform.model import RunState
from spark_platform.runner.places import Places


class Talking(Told):
    """Counts who listens to it, and tells them of one job."""

    def __init__(self):
        super().__init__()
        self.listeners = 0
        self.closed = False

    def watch(self, stop):
        self.listeners += 1
        yield from super().watch(stop)

    def close(self):
        self.closed = True


@pytest.fixture
def made():
    return {}


@pytest.fixture
def make(made):
    def make(place):
        assert place not in made
        backend = made[place] = Talking()
        backend.tell(f"{place}-run-1", RunState.RUNNING)
        return backend

    return make


def shared(domain):
    return "alone" if domain == "bank" else "shared"


def test_domains_of_one_place_have_one_backend_and_one_watch(made, make):
    heard, all_ = [], threading.Semaphore(0)

    def changed(seen):
        heard.append(seen.name)
        all_.release()

    places = Places(shared, make, changed)
    assert places.of("travel") is places.of("hotels") is made["shared"]
    assert places.of("bank") is made["alone"]
    for _ in range(2):
        assert all_.acquire(timeout=30)
    places.close()
    assert sorted(heard) == ["alone-run-1", "shared-run-1"]
    assert [each.listeners for each in made.values()] == [1, 1]
    assert all(each.closed for each in made.values())


def test_who_wants_to_hear_nothing_watches_nothing(made, make):
    places = Places(shared, make)
    places.of("travel")
    places.close()
    assert made["shared"].listeners == 0
