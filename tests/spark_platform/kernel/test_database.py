"""Who writes when, where one writes at a time."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, insert, select, update

from spark_platform.kernel import database
from spark_platform.kernel.database import open_database, reading, sqlite_url, writing
from spark_platform.kernel.errors import Transient

SCHEMA = MetaData()
COUNTS = Table("counts", SCHEMA, Column("id", Integer, primary_key=True), Column("n", Integer))
ADDS = "import sys, test_database; test_database.add(test_database.opened(sys.argv[1]), 200)"
TIMEOUT_S = 60


def opened(url):
    """A database where SQLite does not wait for whoever writes, but fails at once."""
    engine = open_database(url, SCHEMA)
    engine.dispose()
    event.listen(engine, "connect", lambda it, _: it.execute("PRAGMA busy_timeout = 0"))
    return engine


def add(engine, times):
    for _ in range(times):
        with writing(engine) as connection:
            connection.execute(update(COUNTS).values(n=COUNTS.c.n + 1))


@pytest.fixture
def url(tmp_path):
    return sqlite_url(tmp_path / "counts.sqlite")


@pytest.fixture
def engine(url):
    engine = opened(url)
    with writing(engine) as connection:
        connection.execute(insert(COUNTS).values(id=1, n=0))
    yield engine
    engine.dispose()


def test_writers_of_several_threads_and_processes_take_turns(engine, url):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    argv = [sys.executable, "-c", ADDS, url]
    others = [subprocess.Popen(argv, env=environment) for _ in range(2)]
    with ThreadPoolExecutor(4) as threads:
        for each in [threads.submit(add, engine, 200) for _ in range(4)]:
            each.result(TIMEOUT_S)
    assert [each.wait(TIMEOUT_S) for each in others] == [0, 0]
    with reading(engine) as connection:
        assert connection.execute(select(COUNTS.c.n)).scalar() == 6 * 200


def test_nobody_waits_for_ever(engine, monkeypatch):
    monkeypatch.setattr(database, "_LOCK_WAIT_MS", 1)
    with ThreadPoolExecutor(1) as threads, writing(engine):
        other = threads.submit(add, engine, 1)
        assert isinstance(other.exception(TIMEOUT_S), Transient)
    add(engine, 1)


def test_readers_do_not_wait_for_writers(engine):
    with writing(engine) as connection:
        connection.execute(update(COUNTS).values(n=7))
        with reading(engine) as reader:
            assert reader.execute(select(COUNTS.c.n)).scalar() == 0
