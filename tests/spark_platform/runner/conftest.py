"""Stores on each database product."""

import pytest
from database_fixtures import database, postgresql  # noqa: F401

from spark_platform.runner.store import Store


@pytest.fixture
def store(database):  # noqa: F811
    store = Store(database)
    yield store
    store.close()
