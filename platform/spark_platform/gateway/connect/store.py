"""Sessions, operations and pools in the gateway's database: what all its replicas agree on.

A session's place is written once. Whoever wants to change the drivers of a pool holds the row of
that pool, so claims of many callers through many replicas come one after the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    MetaData,
    String,
    Table,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from spark_platform.gateway.connect.records import (
    Driver,
    DriverState,
    Key,
    Place,
    Session,
    SessionState,
)
from spark_platform.kernel.database import open_database, reading, writing

__all__ = ["Claimed", "Store"]

_SCHEMA = MetaData()
_ID = 36


def _place_columns() -> tuple[Column[Any], ...]:
    return (
        Column("application", String(253), nullable=False, server_default=""),
        Column("incarnation", String(64), nullable=False, server_default=""),
        Column("address", String(300), nullable=False, server_default=""),
    )


def _key_columns() -> tuple[Column[Any], ...]:
    return (
        Column("domain", String(63), primary_key=True),
        Column("user", String(255), primary_key=True),
        Column("session", String(_ID), primary_key=True),
    )


POOLS = Table("connect_pools", _SCHEMA, Column("domain", String(63), primary_key=True))
DRIVERS = Table(
    "connect_drivers",
    _SCHEMA,
    Column("name", String(63), primary_key=True),
    Column("domain", String(63), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    *_place_columns(),
    Index("connect_drivers_of_domain", "domain", "state"),
)
SESSIONS = Table(
    "connect_sessions",
    _SCHEMA,
    *_key_columns(),
    Column("state", String(16), nullable=False),
    Column("seen_at", Float, nullable=False),
    *_place_columns(),
    Index("connect_sessions_by_place", "incarnation"),
)
OPERATIONS = Table(
    "connect_operations",
    _SCHEMA,
    *_key_columns(),
    Column("operation", String(_ID), primary_key=True),
    Column("started_at", Float, nullable=False),
)
_LIVE = (SessionState.OPEN.value, SessionState.CLONING.value)
_ANSWERING = (DriverState.WARM.value, DriverState.CLAIMED.value)


class Claimed(Enum):
    """How a session came to its driver."""

    BEFORE = "before"
    """It had it already."""
    OWN = "own"
    """It is one that its user has already."""
    WARM = "warm"
    """It was nobody's."""


class Store:
    """What is known of Connect.

    Every method raises ``Transient`` where the database does not answer.

    Args:
        url: SQLAlchemy's.
        now: the time.

    Raises:
        InvalidInput: the URL is none.
        Missing: it cannot be opened.
    """

    def __init__(
        self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    ) -> None:
        self._engine: Engine = open_database(url, _SCHEMA)
        self._now = now

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # sessions

    def find(self, key: Key) -> Session | None:
        """A session."""
        with reading(self._engine) as connection:
            return _find(connection, key)

    def bind(self, key: Key, place: Place, state: SessionState = SessionState.OPEN) -> Session:
        """Give a session its place, unless it has one: the first stays, whoever of many asks."""
        try:
            with writing(self._engine) as connection:
                self._insert(connection, key, place, state)
            return Session(key, place, state)
        except IntegrityError:
            found = self.find(key)
            return found if found is not None else self.bind(key, place, state)

    def settle(self, key: Key) -> None:
        """A clone is there."""
        self._change(key, SessionState.CLONING, SessionState.OPEN)

    def close_session(self, key: Key) -> None:
        """A session was released."""
        self._change(key, SessionState.OPEN, SessionState.CLOSED)

    def forget(self, session: Session) -> None:
        """Take back a place where nothing has come to be."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(SESSIONS).where(
                    _of(SESSIONS, session.key),
                    SESSIONS.c.incarnation == session.place.incarnation,
                    SESSIONS.c.state == session.state.value,
                )
            )

    def lose(self, incarnation: str) -> None:
        """A driver is gone, and with it its sessions."""
        at, failed = self._at(), DriverState.FAILED.value
        with writing(self._engine) as connection:
            _lose(connection, incarnation, SessionState.LOST, at)
            there = and_(DRIVERS.c.incarnation == incarnation, DRIVERS.c.state.in_(_ANSWERING))
            connection.execute(update(DRIVERS).where(there).values(state=failed, seen_at=at))

    def used(self, keys: Iterable[Key]) -> None:
        """Sessions are in use, and so are their drivers."""
        at = self._at()
        with writing(self._engine) as connection:
            for key in keys:
                where = _of(SESSIONS, key)
                connection.execute(update(SESSIONS).where(where).values(seen_at=at))
                used = select(SESSIONS.c.incarnation).where(where).scalar_subquery()
                connection.execute(
                    update(DRIVERS)
                    .where(DRIVERS.c.incarnation == used, DRIVERS.c.state == "CLAIMED")
                    .values(seen_at=at)
                )

    # operations

    def begin(
        self, key: Key, operation: str, also: Callable[[Connection], None] = lambda _: None
    ) -> None:
        """A session has an operation; one that is known already stays.

        Args:
            also: what else is written, or not written, with it.
        """
        values = {**vars(key), "operation": operation, "started_at": self._at()}
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(OPERATIONS), values)
                also(connection)
        except IntegrityError:
            return

    def has(self, key: Key, operation: str) -> bool:
        """Whether a session has an operation that was not released."""
        with reading(self._engine) as connection:
            return (
                connection.execute(select(1).where(_operation(key, operation))).first() is not None
            )

    def end(self, key: Key, operation: str) -> None:
        """An operation was released."""
        with writing(self._engine) as connection:
            connection.execute(delete(OPERATIONS).where(_operation(key, operation)))

    def sweep(self, before: datetime) -> None:
        """Forget sessions that are over, and operations, of long ago."""
        at = before.timestamp()
        with writing(self._engine) as connection:
            over = and_(SESSIONS.c.state.not_in(("OPEN",)), SESSIONS.c.seen_at < at)
            connection.execute(delete(SESSIONS).where(over))
            connection.execute(delete(OPERATIONS).where(OPERATIONS.c.started_at < at))

    # pools

    def domains(self) -> set[str]:
        """The domains that have, or had, a pool."""
        with reading(self._engine) as connection:
            return set(connection.execute(select(POOLS.c.domain)).scalars())

    def drivers(self, domain: str) -> list[Driver]:
        """The drivers of a pool, oldest first."""
        with reading(self._engine) as connection:
            return _drivers(connection, domain)

    def reserve(self, domain: str, change: Callable[[list[Driver]], Iterable[Driver]]) -> None:
        """Add drivers to a pool, by what is in it at that time.

        Args:
            change: the drivers → those to add.
        """
        with writing(self._engine) as connection:
            self._hold(connection, domain)
            for each in change(_drivers(connection, domain)):
                connection.execute(insert(DRIVERS).values(_row(each)))

    def turn(self, driver: Driver, state: DriverState, place: Place | None = None) -> bool:
        """Change a driver's state; False where somebody else has.

        One that has failed takes its sessions along; those of one that is ended are closed.
        """
        at = self._at()
        values: dict[str, Any] = {"state": state.value, "seen_at": at}
        if place is not None:
            values |= vars(place)
        with writing(self._engine) as connection:
            self._hold(connection, driver.domain)
            same = and_(
                DRIVERS.c.name == driver.name,
                DRIVERS.c.state == driver.state.value,
                DRIVERS.c.seen_at == driver.seen_at.timestamp(),
            )
            turned = connection.execute(update(DRIVERS).where(same).values(values)).rowcount == 1
            if turned and driver.place is not None:
                if state is DriverState.FAILED:
                    _lose(connection, driver.place.incarnation, SessionState.LOST, at)
                elif state is DriverState.ENDING:
                    _lose(connection, driver.place.incarnation, SessionState.CLOSED, at)
        return turned

    def drop(self, driver: Driver) -> None:
        """Forget a driver."""
        with writing(self._engine) as connection:
            connection.execute(delete(DRIVERS).where(DRIVERS.c.name == driver.name))

    def claim(self, key: Key, fingerprint: str) -> tuple[Session, Claimed] | None:
        """Give a session its owner's driver, or a warm one, which is its owner's from then on.

        Returns:
            The session, and how it came to its driver; None where none is warm.
        """
        with writing(self._engine) as connection:
            self._hold(connection, key.domain)
            known = _find(connection, key)
            if known is not None:
                return known, Claimed.BEFORE
            fit = [
                each
                for each in _drivers(connection, key.domain)
                if each.fingerprint == fingerprint and each.place is not None
            ]
            own = [
                each for each in fit if (each.state, each.owner) == (DriverState.CLAIMED, key.user)
            ]
            warm = [each for each in fit if each.state is DriverState.WARM]
            chosen = next(iter((*own, *warm)), None)
            if chosen is None or chosen.place is None:
                return None
            connection.execute(
                update(DRIVERS)
                .where(DRIVERS.c.name == chosen.name)
                .values(state=DriverState.CLAIMED.value, owner=key.user, seen_at=self._at())
            )
            self._insert(connection, key, chosen.place, SessionState.OPEN)
            return Session(key, chosen.place), Claimed.OWN if own else Claimed.WARM

    def _hold(self, connection: Connection, domain: str) -> None:
        """Keep others from the drivers of a pool; SQLite lets one write at a time anyhow."""
        row = select(POOLS).where(POOLS.c.domain == domain).with_for_update()
        if connection.execute(row).first() is not None:
            return
        with contextlib.suppress(IntegrityError), connection.begin_nested():
            connection.execute(insert(POOLS).values(domain=domain))
        connection.execute(row)

    def _insert(self, connection: Connection, key: Key, place: Place, state: SessionState) -> None:
        values = {**vars(key), **vars(place), "state": state.value, "seen_at": self._at()}
        connection.execute(insert(SESSIONS).values(values))

    def _change(self, key: Key, before: SessionState, after: SessionState) -> None:
        where = and_(_of(SESSIONS, key), SESSIONS.c.state == before.value)
        with writing(self._engine) as connection:
            connection.execute(
                update(SESSIONS).where(where).values(state=after.value, seen_at=self._at())
            )

    def _at(self) -> float:
        return self._now().timestamp()


def _lose(connection: Connection, incarnation: str, state: SessionState, at: float) -> None:
    there = and_(SESSIONS.c.incarnation == incarnation, SESSIONS.c.state.in_(_LIVE))
    connection.execute(update(SESSIONS).where(there).values(state=state.value, seen_at=at))


def _find(connection: Connection, key: Key) -> Session | None:
    row = connection.execute(select(SESSIONS).where(_of(SESSIONS, key))).one_or_none()
    if row is None:
        return None
    return Session(
        key, Place(row.application, row.incarnation, row.address), SessionState(row.state)
    )


def _drivers(connection: Connection, domain: str) -> list[Driver]:
    rows = connection.execute(
        select(DRIVERS)
        .where(DRIVERS.c.domain == domain)
        .order_by(DRIVERS.c.created_at, DRIVERS.c.name)
    )
    return [_driver(row) for row in rows]


def _of(table: Table, key: Key):  # type: ignore[no-untyped-def]
    return and_(
        table.c.domain == key.domain, table.c.user == key.user, table.c.session == key.session
    )


def _operation(key: Key, operation: str):  # type: ignore[no-untyped-def]
    return and_(_of(OPERATIONS, key), OPERATIONS.c.operation == operation)


def _row(driver: Driver) -> dict[str, object]:
    place = driver.place or Place("", "", "")
    return {
        "name": driver.name,
        "domain": driver.domain,
        "fingerprint": driver.fingerprint,
        "state": driver.state.value,
        "owner": driver.owner,
        "created_at": driver.created_at.timestamp(),
        "seen_at": driver.seen_at.timestamp(),
        **vars(place),
    }


def _driver(row) -> Driver:  # type: ignore[no-untyped-def]
    place = Place(row.application, row.incarnation, row.address) if row.incarnation else None
    return Driver(
        name=row.name,
        domain=row.domain,
        fingerprint=row.fingerprint,
        state=DriverState(row.state),
        created_at=datetime.fromtimestamp(row.created_at, timezone.utc),
        seen_at=datetime.fromtimestamp(row.seen_at, timezone.utc),
        owner=row.owner,
        place=place,
    )
