"""Databases behind stores: SQLite or PostgreSQL, opened the one way that both are safe in."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from spark_platform.kernel.errors import InvalidInput, Missing, Transient

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData

__all__ = ["alone", "open_database", "reading", "sqlite_url", "writing"]

_WRITES = "spark_platform_writes"
_TURN = "spark_platform_turn"
_LOCK_WAIT_MS = 15_000
# whoever finds none free waits: opening one more costs more than most transactions
_CONNECTIONS = 16
_ALLOWED = ("sqlite", "postgresql")


def sqlite_url(path: PurePath) -> str:
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
    if product == "sqlite":
        in_memory = parsed.database in (None, "", ":memory:")
        turn = _Turn(None if in_memory else Path(f"{parsed.database}-turn"))
        engine = create_engine(parsed, execution_options={_TURN: turn})
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    else:
        engine = create_engine(parsed, pool_pre_ping=True, pool_size=_CONNECTIONS, max_overflow=0)
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
def reading(engine: Engine, *, steady: bool = False) -> Iterator[Connection]:
    """A transaction that writes nothing.

    Args:
        steady: whether all its queries see what the first has seen. Of SQLite they always do.

    Raises:
        Transient: the database does not answer, or is busy for too long.
    """
    with _busy_is_transient(), engine.connect() as connection:
        if steady and engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def alone(connection: Connection, what: str) -> None:
    """Wait for all others who do the same, and have them wait until the transaction ends.

    So what it has looked for and not found is still not there when it writes.

    Args:
        connection: of a transaction that writes.
        what: the name of what is done, equal for all who do it.
    """
    # of SQLite, whoever writes is alone anyway
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (what,))


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, and is undone where its block fails.

    Raises:
        Transient: the database does not answer, or is busy for too long; nothing was written.
    """
    turn: _Turn | None = engine.get_execution_options().get(_TURN)
    with turn.taken() if turn else nullcontext():
        with _busy_is_transient():
            connection = engine.connect().execution_options(**{_WRITES: True})
        with connection:
            with _busy_is_transient():
                transaction = connection.begin()
            # Its end is not translated: a COMMIT that fails may have happened all the same.
            with transaction, _busy_is_transient():
                yield connection


class _Turn:
    """Of those who write to one SQLite database: the longest waiting process is next, at once.

    SQLite itself has them sleep and try again, longer each time, while whoever comes wins.

    Args:
        file: that the processes share; None where there is but this one.
    """

    def __init__(self, file: Path | None) -> None:
        self._file, self._lock = file, threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=_LOCK_WAIT_MS / 1000):
            raise Transient("the database is not available: others write", retry_after_s=1)
        try:
            with self._file.open("ab") if self._file else nullcontext() as file:
                if file:
                    # the kernel lets go of it when its process dies
                    fcntl.flock(file, fcntl.LOCK_EX)
                yield
        finally:
            self._lock.release()


@contextmanager
def _busy_is_transient() -> Iterator[None]:
    from sqlalchemy.exc import DataError, InterfaceError, OperationalError, TimeoutError

    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Transient(f"the database is not available: {error.orig}", retry_after_s=1) from error
    except DataError as error:
        # such as text with a NUL in it, which PostgreSQL cannot have
        raise InvalidInput(f"the database cannot hold that: {error.orig}") from error
    except TimeoutError as error:
        raise Transient("the database is not available: others use it", retry_after_s=1) from error


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
