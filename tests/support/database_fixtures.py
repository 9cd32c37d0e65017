"""Databases of each product, each test with one of its own."""

import contextlib
import secrets
from pathlib import Path

import pytest

from requirements import need
from spark_platform.kernel.database import sqlite_url
from spark_testkit.postgresql import HINT, programs, run_program, server


@pytest.fixture(scope="session")
def postgresql():
    need("postgresql", programs() is not None, HINT)
    with server(durable=False) as url:
        yield url


@contextlib.contextmanager
def stopped(url):
    """While the block runs, a PostgreSQL server is not there: it fell, and is started again."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        ((found,),) = connection.execute("SHOW data_directory").fetchall()
    data = Path(found)
    run_program(data, "pg_ctl", "-w", "-m", "immediate", "stop")
    try:
        yield
    finally:
        # as it was started first
        run_program(data, "pg_ctl", "-w", "-l", str(data.parent / "log"), "restart")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.sqlite")
    return database_of(request.getfixturevalue("postgresql"), f"t_{secrets.token_hex(5)}")


def database_of(url, name):
    """The URL of a new database of a PostgreSQL server."""
    import psycopg

    plain = url.replace("+psycopg", "")
    with psycopg.connect(f"{plain}postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url + name
