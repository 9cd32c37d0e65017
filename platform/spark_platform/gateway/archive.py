"""Finished applications as they were last, for as long as anybody may ask for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Engine,
    Float,
    Index,
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
from spark_platform.kernel.kubernetes.resources import Object, version_of

__all__ = ["Archive", "Archived"]

_SCHEMA = MetaData()
# SQLite allows so many parameters in one statement, and more in newer ones
_AT_ONCE = 500

APPLICATIONS = Table(
    "archive",
    _SCHEMA,
    Column("uid", String(64), primary_key=True),
    Column("namespace", String(63), nullable=False),
    Column("name", String(253), nullable=False),
    Column("placed_at", String(40), nullable=False),
    Column("cluster", String(63), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("archived_at", Float, nullable=False, index=True),
    Column("document", JSON, nullable=False),
    Index("archive_named", "namespace", "name"),
)


@dataclass(frozen=True)
class Archived:
    """An application in the archive.

    Attributes:
        cluster: where it was.
        document: all of it, as that cluster had it last.
    """

    cluster: str
    document: Object


class Archive:
    """The archive, in a database that several gateways may share.

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

    def keep(self, cluster: str, found: Object, placed_at: str, now: datetime) -> None:
        """Archive an application, unless it is there as new as this.

        Args:
            cluster: where it is.
            found: all of it.
            placed_at: which of its name's placements it is of.
            now: the time.
        """
        uid, version = found["metadata"]["uid"], version_of(found)
        older = (APPLICATIONS.c.uid == uid) & (APPLICATIONS.c.version < version)
        newer: dict[str, Any] = {"version": version, "document": found}
        row = {
            **newer,
            "uid": uid,
            "namespace": found["metadata"]["namespace"],
            "name": found["metadata"]["name"],
            "placed_at": placed_at,
            "cluster": cluster,
            "archived_at": now.timestamp(),
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(APPLICATIONS).values(row))
        except IntegrityError:
            with writing(self._engine) as connection:
                connection.execute(update(APPLICATIONS).where(older).values(newer))

    def find(self, namespace: str, name: str, placed_at: str) -> Archived | None:
        """The application of a placement."""
        table = APPLICATIONS.c
        wanted = (
            select(table.cluster, table.document)
            .where(table.namespace == namespace, table.name == name, table.placed_at == placed_at)
            .order_by(table.version.desc())
        )
        with reading(self._engine) as connection:
            row = connection.execute(wanted).first()
        return None if row is None else Archived(row.cluster, row.document)

    def versions(self, uids: Iterable[str]) -> dict[str, int]:
        """Which of these are archived, and as of which resource version."""
        found: dict[str, int] = {}
        rest = iter(uids)
        while some := tuple(islice(rest, _AT_ONCE)):
            wanted = select(APPLICATIONS.c.uid, APPLICATIONS.c.version)
            with reading(self._engine) as connection:
                rows = connection.execute(wanted.where(APPLICATIONS.c.uid.in_(some))).all()
            found |= {row.uid: row.version for row in rows}
        return found

    def forget(self, before: datetime) -> int:
        """Drop what was archived before a time; how many those were."""
        with writing(self._engine) as connection:
            old = delete(APPLICATIONS).where(APPLICATIONS.c.archived_at < before.timestamp())
            return int(connection.execute(old).rowcount)
