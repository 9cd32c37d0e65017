"""Databases of each product, each test with one of its own."""

import secrets

import pytest

from requirements import need
from spark_platform.kernel.database import sqlite_url
from spark_testkit.postgresql import HINT, programs, server


@pytest.fixture(scope="session")
def postgresql():
    need("postgresql", programs() is not None, HINT)
    with server(durable=False) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.sqlite")
    import psycopg

    url = request.getfixturevalue("postgresql")
    name = f"t_{secrets.token_hex(5)}"
    plain = url.replace("+psycopg", "")
    with psycopg.connect(f"{plain}postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url + name
