"""Databases behind stores: SQLite or PostgreSQL, opened the one way that both are safe in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spark_platform.kernel.errors import InvalidInput, Missing, Transient

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData

__all__ = ["open_database", "reading", "sqlite_url", "writing"]

_WRITES = "spark_platform_writes"
_LOCK_WAIT_MS = 15_000
_ALLOWED = ("sqlite", "postgresql")


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite+pysqlite:///{path}"


def open_database(url: str, schema: MetaData) -> Engine:
    """Open a database, making it (of SQLite) and its tables where they are missing.

    Args:
        url: SQLAlchemy's: ``sqlite+pysqlite:///FILE`` or ``postgresql+psycopg://…``.

    Raises:
        InvalidInput: neither of these products.
        Missing: it cannot be opened.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, DatabaseError

    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(
            "the database URL is none", hint="sqlite:///FILE or postgresql://…"
        ) from error
    product = parsed.get_backend_name()
    if product not in _ALLOWED:
        raise InvalidInput(
            f"database {product!r} is not known", hint=f"allowed: {', '.join(_ALLOWED)}"
        )
    engine = create_engine(parsed, pool_pre_ping=product != "sqlite")
    if product == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    shown = parsed.render_as_string(hide_password=True)
    try:
        if product == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        with writing(engine) as connection:
            schema.create_all(connection)
    except (OSError, DatabaseError, Transient) as error:
        engine.dispose()
        reason = error.orig if isinstance(error, DatabaseError) else error
        raise Missing(f"cannot open the database {shown}: {reason}") from error
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes nothing.

    Raises:
        Transient: the database does not answer, or is busy for too long.
    """
    with _busy_is_transient(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, and is undone where its block fails.

    Raises:
        Transient: the database does not answer, or is busy for too long; nothing was written.
    """
    with _busy_is_transient():
        connection = engine.connect().execution_options(**{_WRITES: True})
    with connection:
        with _busy_is_transient():
            transaction = connection.begin()
        # Its end is not translated: a COMMIT that fails may have happened all the same.
        with transaction, _busy_is_transient():
            yield connection


@contextmanager
def _busy_is_transient() -> Iterator[None]:
    from sqlalchemy.exc import InterfaceError, OperationalError

    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Transient(f"the database is not available: {error.orig}", retry_after_s=1) from error


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # Python's driver would otherwise decide itself when a transaction begins.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later cannot wait for the lock: SQLite fails it.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
