"""The database: steps are taken together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from spark_emulators.unity_catalog.database import open_database
from spark_emulators.unity_catalog.errors import NoSuchNamespace
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.store import Move, Store
from spark_platform.kernel.errors import Missing, Transient

A, B = TableName("c", "s", "a"), TableName("c", "s", "b")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "uc.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    store = Store(engine)
    store.create_namespace("c", "s", {})
    assert store.swap([Move(A, None, "a0"), Move(B, None, "b0")])
    return store


def test_steps_are_taken_together(store: Store) -> None:
    assert store.swap([Move(A, "a0", "a1"), Move(B, "b0", "b1")])
    assert (store.metadata_location(A), store.metadata_location(B)) == ("a1", "b1")


@pytest.mark.parametrize(
    "bad",
    [
        Move(B, "elsewhere", "b1"),
        Move(B, None, "b1"),
        Move(TableName("c", "s", "none"), "x", "y"),
        Move(TableName("c", "none", "t"), None, "y"),
    ],
)
def test_or_not_at_all(store: Store, bad: Move) -> None:
    assert not store.swap([Move(A, "a0", "a1"), bad])
    assert (store.metadata_location(A), store.metadata_location(B)) == ("a0", "b0")


def test_a_table_is_dropped_only_where_it_was_seen(store: Store) -> None:
    assert not store.drop_table(A, "a1")
    assert store.drop_table(A, "a0")
    assert store.metadata_location(A) is None


def test_a_table_is_replaced_wherever_it_is(store: Store) -> None:
    store.replace_table(A, "a9")
    assert store.metadata_location(A) == "a9"
    with pytest.raises(NoSuchNamespace):
        store.replace_table(TableName("c", "none", "t"), "x")


@pytest.mark.parametrize("name", ["text", "folder", "text/below"])
def test_what_is_no_database_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text").write_text("no database at all, but text" * 100)
    (tmp_path / "folder").mkdir()
    with pytest.raises(Missing, match=name):
        open_database(tmp_path / name)


def test_a_database_that_is_closed_to_us_is_busy(store: Store, engine: Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE uc_namespaces RENAME TO gone")
        connection.commit()
    with pytest.raises(Transient):
        store.ping()
