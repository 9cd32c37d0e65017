"""Where each application is: written down before its cluster hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from spark_platform.kernel.database import open_database, reading, writing

__all__ = ["Placement", "Placements"]

_SCHEMA = MetaData()

PLACEMENTS = Table(
    "placements",
    _SCHEMA,
    Column("namespace", String(63), primary_key=True),
    Column("name", String(253), primary_key=True),
    Column("cluster", String(63), nullable=False),
    Column("why", String, nullable=False),
    Column("domain", String(63), nullable=False),
    Column("user", String(128), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("made", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
)


@dataclass(frozen=True)
class Placement:
    """An application's place.

    Attributes:
        why: what decided.
        domain, user: whose it is, and who made it.
        made: its cluster has had it: where it is not there any more, it is over.
        deleted: it was, so its name is over where names are for ever.
    """

    namespace: str
    name: str
    cluster: str
    why: str
    domain: str
    user: str
    created_at: datetime
    made: bool = False
    deleted: bool = False

    @property
    def stamp(self) -> str:
        """What tells it from the other placements of its name."""
        return self.created_at.isoformat()


class Placements:
    """The placements, in a database that several gateways may share.

    Args:
        url: SQLAlchemy's.

    Raises:
        InvalidInput: the URL is none.
        Missing: it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = open_database(url, _SCHEMA)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def find(self, namespace: str, name: str) -> Placement | None:
        """Where an application is, or was."""
        with reading(self._engine) as connection:
            row = connection.execute(select(PLACEMENTS).where(_same(namespace, name))).one_or_none()
        return None if row is None else _placement(row)

    def place(
        self, wanted: Placement, also: Callable[[Connection], None] = lambda _: None
    ) -> Placement:
        """Write a place down, unless there is one: the first stays, whoever of many asks.

        Args:
            also: what else is written, or not written, with it.

        Returns:
            What was given, or another one that was there.
        """
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(PLACEMENTS), _row(wanted))
                also(connection)
            return wanted
        except IntegrityError:
            found = self.find(wanted.namespace, wanted.name)
            return found if found is not None else self.place(wanted, also)

    def replace(self, over: Placement, wanted: Placement) -> None:
        """Give the name of what is over to another application, unless somebody else just has."""
        with writing(self._engine) as connection:
            connection.execute(update(PLACEMENTS).where(_exactly(over)).values(_row(wanted)))

    def forget(self, placement: Placement) -> None:
        """Take back a place that its cluster has refused."""
        with writing(self._engine) as connection:
            connection.execute(delete(PLACEMENTS).where(_exactly(placement)))

    def made(
        self, placement: Placement, also: Callable[[Connection], None] = lambda _: None
    ) -> None:
        """A cluster has an application.

        Args:
            also: what else is written, or not written, with it.
        """
        with writing(self._engine) as connection:
            connection.execute(update(PLACEMENTS).where(_exactly(placement)), {"made": True})
            also(connection)

    def over(self, namespace: str, name: str) -> None:
        """An application was deleted."""
        with writing(self._engine) as connection:
            connection.execute(
                update(PLACEMENTS).where(_same(namespace, name)).values(deleted=True)
            )


def _same(namespace: str, name: str):  # type: ignore[no-untyped-def]
    return (PLACEMENTS.c.namespace == namespace) & (PLACEMENTS.c.name == name)


def _exactly(placement: Placement):  # type: ignore[no-untyped-def]
    at = PLACEMENTS.c.created_at == placement.created_at.timestamp()
    return _same(placement.namespace, placement.name) & at


def _row(placement: Placement) -> dict[str, object]:
    return {**vars(placement), "created_at": placement.created_at.timestamp()}


def _placement(row) -> Placement:  # type: ignore[no-untyped-def]
    values = dict(row._mapping)
    values["created_at"] = datetime.fromtimestamp(values["created_at"], timezone.utc)
    return Placement(**values)
