"""Which metadata file each Iceberg table and view is at, and steps from one file to the next."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, delete, update
from sqlalchemy.exc import IntegrityError

from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.securables import VIEW, Kind, Place, Securable
from spark_emulators.unity_catalog.store.database import SECURABLES
from spark_emulators.unity_catalog.store.securables import Securables, find, insert_new
from spark_emulators.unity_catalog.system import check_writable
from spark_platform.kernel.database import reading, writing

__all__ = ["Facts", "Move", "Pointers"]

_IS_ICEBERG = SECURABLES.c.metadata_location.is_not(None)


@dataclass(frozen=True)
class Facts:
    """What the catalog tells of an Iceberg table without opening its metadata file."""

    type: str
    storage_location: str | None
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """A table's or view's step from one metadata file to the next.

    Attributes:
        old: the file the step starts from; None where the table is made.
        new: the file the step leads to.
        facts: what is told of it from then on.
    """

    table: TableName
    old: str | None
    new: str
    facts: Facts


class _Lost(Exception):
    """A step of several found its table elsewhere: undo all of them."""


class Pointers:
    """The metadata files of all tables and views.

    Tables of other formats, and views that no Iceberg client made, do not exist here.

    Args:
        securables: of the same database.
    """

    def __init__(self, engine: Engine, securables: Securables) -> None:
        self._engine = engine
        self._securables = securables
        self._metastore = securables.metastore

    def place(self, name: TableName) -> Place | None:
        """Where the table is; None where there is none of that name. Raises NoSuch of a catalog."""
        there = self._read(name)
        return None if there is None or there.securable.type == VIEW else there

    def view_place(self, name: TableName) -> Place | None:
        """Where the view is; None where there is none of that name. Raises NoSuch of a catalog."""
        there = self._read(name)
        return there if there and there.securable.type == VIEW else None

    def tables(self, schema: Place, page: PageRequest) -> Page[Securable]:
        """The tables of a schema."""
        return self._securables.children(
            schema, Kind.TABLE, page, _IS_ICEBERG, SECURABLES.c.type != VIEW
        )

    def views(self, schema: Place, page: PageRequest) -> Page[Securable]:
        """The views of a schema."""
        return self._securables.children(
            schema, Kind.TABLE, page, _IS_ICEBERG, SECURABLES.c.type == VIEW
        )

    def swap(self, moves: Sequence[Move]) -> bool:
        """Take all steps at once, if every table still is where its step starts.

        Returns:
            False where one is not; then nothing has changed.

        Raises:
            Transient: the database could not do it; nothing has changed either.
        """
        for move in moves:
            check_writable(move.table.catalog)
        try:
            with writing(self._engine) as connection:
                # Always in the same order, so that two writers cannot wait for each other.
                for move in sorted(moves, key=lambda move: move.table):
                    if not self._take(connection, move):
                        raise _Lost
        except (_Lost, NoSuch, IntegrityError):
            return False
        return True

    def replace(self, move: Move) -> bool:
        """Take a step from wherever the table is now; make it where it is missing.

        Returns:
            False where something else than an Iceberg table has the name.

        Raises:
            NoSuch: the schema or its catalog is missing.
        """
        check_writable(move.table.catalog)
        with writing(self._engine) as connection:
            there = self._find(connection, move.table)
            if there is not None and there.type == VIEW:
                return False
            try:
                return self._take(
                    connection,
                    dataclasses.replace(move, old=there.metadata_location if there else None),
                )
            except IntegrityError:
                return False

    def drop(self, table: TableName, location: str) -> bool:
        """Forget a table or view, if ``location`` still is its metadata file."""
        check_writable(table.catalog)
        with writing(self._engine) as connection:
            there = self._find(connection, table)
            if there is None:
                return False
            gone = connection.execute(
                delete(SECURABLES).where(
                    SECURABLES.c.id == there.id, SECURABLES.c.metadata_location == location
                )
            )
        return gone.rowcount == 1

    def _read(self, name: TableName) -> Place | None:
        with reading(self._engine) as connection:
            return self._locate(connection, name)

    def _find(self, connection: Connection, table: TableName) -> Securable | None:
        there = self._locate(connection, table)
        return there.securable if there else None

    def _locate(self, connection: Connection, table: TableName) -> Place | None:
        try:
            found = find(connection, self._metastore, Kind.TABLE, table.names)
        except NoSuch as error:
            if error.kind is Kind.CATALOG:
                raise
            return None
        return found if found.securable.metadata_location else None

    def _take(self, connection: Connection, move: Move) -> bool:
        facts = move.facts
        told = {
            "type": facts.type,
            "storage_location": facts.storage_location,
            "comment": facts.comment,
            "properties": dict(facts.properties),
            "details": dict(facts.details),
            "metadata_location": move.new,
        }
        if move.old is None:
            parent = find(connection, self._metastore, Kind.SCHEMA, move.table.names[:2])
            insert_new(connection, parent, Kind.TABLE, move.table.name, **told)
            return True
        there = self._find(connection, move.table)
        if there is None:
            return False
        moved = connection.execute(
            update(SECURABLES)
            .where(SECURABLES.c.id == there.id, SECURABLES.c.metadata_location == move.old)
            .values(**told, updated_at=time.time_ns() // 1_000_000, updated_by=who())
        )
        return moved.rowcount == 1
