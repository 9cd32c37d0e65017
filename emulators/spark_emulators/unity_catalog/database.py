"""The database itself: its tables, and the only lines that know which database product it is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    ForeignKeyConstraint,
    MetaData,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.exc import DatabaseError

from spark_platform.kernel.errors import Missing

__all__ = ["NAMESPACES", "TABLES", "WRITES", "open_database"]

_SCHEMA = MetaData()

NAMESPACES = Table(
    "uc_namespaces",
    _SCHEMA,
    Column("catalog", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("properties", JSON, nullable=False),
)

TABLES = Table(
    "uc_tables",
    _SCHEMA,
    Column("catalog", String(255), primary_key=True),
    Column("namespace", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("metadata_location", String, nullable=False),
    ForeignKeyConstraint(
        ["catalog", "namespace"],
        [NAMESPACES.c.catalog, NAMESPACES.c.name],
        name="uc_table_in_namespace",
    ),
)

WRITES = {"uc_writes": True}
"""Execution options of a connection whose transaction will write."""

_LOCK_WAIT_MS = 15_000


def open_database(path: Path) -> Engine:
    """Open the SQLite file at ``path``, making it and its tables where they are missing.

    Raises:
        Missing: there can be no such file, or it is no database.
    """
    engine = create_engine(f"sqlite+pysqlite:///{path}")
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with engine.connect().execution_options(**WRITES) as connection, connection.begin():
            _SCHEMA.create_all(connection)
    except (OSError, DatabaseError) as error:
        engine.dispose()
        reason = error.orig if isinstance(error, DatabaseError) else error
        raise Missing(f"cannot open the database {path}: {reason}") from error
    return engine


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    # Python's driver would otherwise decide itself when a transaction begins.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for the lock: SQLite fails it.
    writes = connection.get_execution_options().get("uc_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
