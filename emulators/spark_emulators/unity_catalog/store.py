"""What the catalog remembers: schemas with properties, and each table's current metadata file.

Every change is one transaction. Nothing is cached, so several servers can share one database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Select, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement

from spark_emulators.unity_catalog.database import NAMESPACES, TABLES
from spark_emulators.unity_catalog.errors import (
    AlreadyExists,
    NamespaceNotEmpty,
    NoSuchNamespace,
    NoSuchTable,
)
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_platform.kernel.database import reading, writing

__all__ = ["Move", "Store"]

Properties = dict[str, str]


@dataclass(frozen=True)
class Move:
    """A table's step from one metadata file to the next.

    Attributes:
        old: the file the step starts from; None where the table is made.
        new: the file the step leads to.
    """

    table: TableName
    old: str | None
    new: str


class _Lost(Exception):
    """A step of several found its table elsewhere: undo all of them."""


class Store:
    """The catalog's state in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        self._engine.dispose()

    def ping(self) -> None:
        """Raise Transient unless the database answers a query on the catalog's own tables."""
        with reading(self._engine) as connection:
            connection.execute(select(NAMESPACES.c.name).limit(1)).all()

    # Schemas

    def list_namespaces(self, catalog: str, page: PageRequest) -> Page:
        names = select(NAMESPACES.c.name).where(NAMESPACES.c.catalog == catalog)
        return self._page(names, NAMESPACES.c.name, page)

    def create_namespace(self, catalog: str, name: str, properties: Properties) -> None:
        """Raises AlreadyExists where the schema is there."""
        row = {"catalog": catalog, "name": name, "properties": properties}
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(NAMESPACES).values(row))
        except IntegrityError as error:
            raise AlreadyExists(f"namespace {name} already exists") from error

    def namespace_properties(self, catalog: str, name: str) -> Properties:
        """Raises NoSuchNamespace where the schema is missing."""
        with reading(self._engine) as connection:
            return _properties(connection, catalog, name)

    def change_properties(
        self, catalog: str, name: str, change: Callable[[Properties], Properties]
    ) -> Properties:
        """Replace a schema's properties by what ``change`` makes of them; returns the old ones.

        Raises:
            NoSuchNamespace: the schema is missing.
        """
        with writing(self._engine) as connection:
            before = _properties(connection, catalog, name, lock=True)
            connection.execute(
                update(NAMESPACES)
                .where(_is_namespace(catalog, name))
                .values(properties=change(dict(before)))
            )
        return before

    def drop_namespace(self, catalog: str, name: str) -> None:
        """Raises NoSuchNamespace or NamespaceNotEmpty."""
        try:
            with writing(self._engine) as connection:
                gone = connection.execute(delete(NAMESPACES).where(_is_namespace(catalog, name)))
                if gone.rowcount == 0:
                    raise _no_namespace(name)
        except IntegrityError as error:
            raise NamespaceNotEmpty(f"namespace {name} still holds tables") from error

    # Tables

    def list_tables(self, catalog: str, namespace: str, page: PageRequest) -> Page:
        """Raises NoSuchNamespace where the schema is missing."""
        self.namespace_properties(catalog, namespace)
        names = select(TABLES.c.name).where(
            TABLES.c.catalog == catalog, TABLES.c.namespace == namespace
        )
        return self._page(names, TABLES.c.name, page)

    def metadata_location(self, table: TableName) -> str | None:
        """The table's current metadata file; None where there is no such table."""
        with reading(self._engine) as connection:
            location: str | None = connection.scalar(
                select(TABLES.c.metadata_location).where(_is_table(table))
            )
        return location

    def swap(self, moves: Sequence[Move]) -> bool:
        """Take all steps at once, if every table still is where its step starts.

        Returns:
            False where one is not; then nothing has changed.

        Raises:
            Transient: the database could not do it; nothing has changed either.
        """
        try:
            with writing(self._engine) as connection:
                # Always in the same order, so that two writers cannot wait for each other.
                for move in sorted(moves, key=lambda move: move.table):
                    if not _take(connection, move):
                        raise _Lost
        except (_Lost, IntegrityError):
            return False
        return True

    def replace_table(self, table: TableName, location: str) -> None:
        """Point a table at ``location``, wherever it was before; make it where it is missing.

        Raises:
            NoSuchNamespace: the schema is missing.
        """
        with writing(self._engine) as connection:
            _properties(connection, table.catalog, table.namespace, lock=True)
            old = connection.scalar(select(TABLES.c.metadata_location).where(_is_table(table)))
            _take(connection, Move(table, old, location))

    def drop_table(self, table: TableName, location: str) -> bool:
        """Forget a table, if ``location`` still is its metadata file."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(TABLES).where(_is_table(table), TABLES.c.metadata_location == location)
            )
        return gone.rowcount == 1

    def rename_table(self, source: TableName, target: TableName) -> None:
        """Raises NoSuchTable, NoSuchNamespace (of the target) or AlreadyExists."""
        try:
            with writing(self._engine) as connection:
                _properties(connection, target.catalog, target.namespace)
                moved = connection.execute(
                    update(TABLES)
                    .where(_is_table(source))
                    .values(namespace=target.namespace, name=target.name)
                )
                if moved.rowcount == 0:
                    raise NoSuchTable(f"table {source} does not exist")
                if source == target:
                    raise AlreadyExists(f"table {target} already exists")
        except IntegrityError as error:
            raise AlreadyExists(f"table {target} already exists") from error

    # Connections

    def _page(
        self, names: Select[tuple[str]], column: ColumnElement[str], page: PageRequest
    ) -> Page:
        query = names.where(column > page.after).order_by(column).limit(page.limit)
        with reading(self._engine) as connection:
            return page.cut(list(connection.scalars(query)))


Column = ColumnElement[str]


def _take(connection: Connection, move: Move) -> bool:
    if move.old is None:
        row: Mapping[str, str] = {
            "catalog": move.table.catalog,
            "namespace": move.table.namespace,
            "name": move.table.name,
            "metadata_location": move.new,
        }
        connection.execute(insert(TABLES).values(row))
        return True
    moved = connection.execute(
        update(TABLES)
        .where(_is_table(move.table), TABLES.c.metadata_location == move.old)
        .values(metadata_location=move.new)
    )
    return moved.rowcount == 1


def _properties(
    connection: Connection, catalog: str, name: str, *, lock: bool = False
) -> Properties:
    query = select(NAMESPACES.c.properties).where(_is_namespace(catalog, name))
    properties: Properties | None = connection.scalar(query.with_for_update() if lock else query)
    if properties is None:
        raise _no_namespace(name)
    return properties


def _no_namespace(name: str) -> NoSuchNamespace:
    return NoSuchNamespace(f"namespace {name} does not exist")


def _is_namespace(catalog: str, name: str) -> ColumnElement[bool]:
    return and_(NAMESPACES.c.catalog == catalog, NAMESPACES.c.name == name)


def _is_table(table: TableName) -> ColumnElement[bool]:
    return and_(
        TABLES.c.catalog == table.catalog,
        TABLES.c.namespace == table.namespace,
        TABLES.c.name == table.name,
    )
