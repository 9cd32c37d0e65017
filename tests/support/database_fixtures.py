"""Databases of each product, each test with one of its own."""

import contextlib
import os
import secrets
import subprocess

import pytest

from requirements import need
from spark_platform.kernel.database import sqlite_url
from spark_testkit.postgresql import HINT, programs, server


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
        ((data,),) = connection.execute("SHOW data_directory").fetchall()

    def control(*arguments):
        argv = [str(programs() / "pg_ctl"), "-D", data, "-w", *arguments]
        user = "postgres" if os.geteuid() == 0 else None
        # the server keeps what it is given to write to, and would be waited for
        subprocess.run(argv, user=user, cwd="/", check=True, timeout=60, stdout=subprocess.DEVNULL)

    control("-m", "immediate", "stop")
    try:
        yield
    finally:
        # as it was started first
        control("restart")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "store.sqlite")
    return database_of(request.getfixturevalue("postgresql"), f"t_{secrets.token_hex(5)}")


def database_of(url, name):
    """The URL of a PostgreSQL server's database of that name, which is made where it is missing."""
    import psycopg

    plain = url.replace("+psycopg", "")
    with (
        psycopg.connect(f"{plain}postgres", autocommit=True) as connection,
        contextlib.suppress(psycopg.errors.DuplicateDatabase),
    ):
        connection.execute(f"CREATE DATABASE {name}")
    return url + name
