"""Databases of each product; drivers, and a gateway's door in front of them."""

import pytest
from connect_fleet import Client, Door, Fleet
from database_fixtures import database, postgresql  # noqa: F401

from spark_platform.kernel.database import sqlite_url


@pytest.fixture
def fleet():
    fleet = Fleet()
    yield fleet
    fleet.close()


@pytest.fixture
def driver(fleet):
    return fleet.run("app")


@pytest.fixture
def door(fleet, driver, tmp_path):
    door = Door(fleet, sqlite_url(tmp_path / "gateway.sqlite"))
    yield door
    door.close()


@pytest.fixture
def client(door):
    with Client(door.port, x_spark_cluster="app") as client:
        yield client
