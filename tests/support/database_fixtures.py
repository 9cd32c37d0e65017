"""Databases of each product, each test with one of its own."""

import secrets

import postgres
import pytest

from spark_platform.kernel.database import sqlite_url


@pytest.fixture(scope="session")
def postgresql():
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.sqlite")
    import psycopg

    server = request.getfixturevalue("postgresql")
    name = f"t_{secrets.token_hex(5)}"
    plain = server.replace("+psycopg", "")
    with psycopg.connect(f"{plain}postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server + name
