"""Stores on each database product."""

import pytest
from database_fixtures import database, postgresql  # noqa: F401
from runs import IMAGES, Time, Told

from spark_platform.runner.service import Runner
from spark_platform.runner.store import Store
from spark_platform.runner.worker import Worker


@pytest.fixture
def store(database):  # noqa: F811
    store = Store(database)
    yield store
    store.close()


@pytest.fixture
def backend():
    return Told()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def runner(store, time):
    return Runner(store, IMAGES, now=time)


@pytest.fixture
def worker(store, backend, time):
    return Worker(store, lambda _: backend, now=time)
