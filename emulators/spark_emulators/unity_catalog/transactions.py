"""Commits: new metadata files are written first, then the catalog moves to all of them at once.

The move is a compare-and-swap on each table's metadata file, in one database transaction. A writer
that loses it starts over from what the winner left; only its own requirements can fail it.
A process killed at any point leaves at most a file that nothing points to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyiceberg.table.update import TableRequirement, TableUpdate

from spark_emulators.unity_catalog.commits import apply, creates_table
from spark_emulators.unity_catalog.errors import CommitFailed, NoSuchTable
from spark_emulators.unity_catalog.locations import check_metadata
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.storage import Storage, TableVersion
from spark_emulators.unity_catalog.store import Move, Store
from spark_platform.kernel.errors import InvalidInput, PlatformError, Transient

__all__ = ["Change", "Commits"]

_ROUNDS = 100


@dataclass(frozen=True)
class Change:
    """What one commit wants of one table."""

    table: TableName
    requirements: Sequence[TableRequirement]
    updates: Sequence[TableUpdate]


@dataclass(frozen=True)
class _Prepared:
    table: TableName
    old: TableVersion | None
    new: TableVersion

    @property
    def changes(self) -> bool:
        return self.old is not self.new

    def move(self) -> Move:
        assert self.new.location is not None
        return Move(self.table, self.old.location if self.old else None, self.new.location)


class Commits:
    """Changes tables."""

    def __init__(self, store: Store, storage: Storage) -> None:
        self._store = store
        self._storage = storage

    def commit(self, changes: Sequence[Change]) -> list[TableVersion]:
        """Apply changes to several tables: all of them or none.

        Returns:
            The tables as they are now, in the order of ``changes``.

        Raises:
            CommitFailed: a requirement does not hold, or storage, the database or other writers
                stood in the way for too long. Nothing has changed.
            NoSuchTable: a table is missing, and no requirement says it should be.
            NoSuchNamespace: a table is to be made in a schema that is missing.
            InvalidInput: the updates make no sense, or name files outside the catalog's storage.
        """
        if len({change.table for change in changes}) < len(changes):
            raise InvalidInput("one transaction changes the same table twice")
        for _ in range(_ROUNDS):
            try:
                versions = self._attempt(changes)
            except Transient as error:
                # Surely nothing happened, but a writer who is told 503 has to doubt that.
                raise CommitFailed(error.message) from error
            if versions is not None:
                return versions
        raise CommitFailed(f"gave up after {_ROUNDS} attempts: other writers were always faster")

    def _attempt(self, changes: Sequence[Change]) -> list[TableVersion] | None:
        prepared: list[_Prepared] = []
        try:
            for change in changes:
                prepared.append(self._prepare(change))
            # Unchanged tables take part too: their requirements must hold at the same moment.
            done = not any(one.changes for one in prepared) or self._store.swap(
                [one.move() for one in prepared]
            )
        except PlatformError:
            # Every one of these says that the catalog has not moved. Anything else may come from
            # the database's own commit, and then the files may be in use.
            self._discard(prepared)
            raise
        if not done:
            self._discard(prepared)
            return None
        return [one.new for one in prepared]

    def _prepare(self, change: Change) -> _Prepared:
        location = self._store.metadata_location(change.table)
        if location is None:
            return self._prepare_new(change)
        old = self._storage.read(location)
        metadata = apply(old.metadata, change.requirements, change.updates, base_location=location)
        if metadata is old.metadata:
            return _Prepared(change.table, old, old)
        check_metadata(self._storage.allowed, metadata, old.metadata)
        return _Prepared(change.table, old, self._storage.write_next(metadata, location))

    def _prepare_new(self, change: Change) -> _Prepared:
        if not creates_table(change.requirements):
            raise NoSuchTable(f"table {change.table} does not exist")
        table = change.table.checked()
        self._store.namespace_properties(table.catalog, table.namespace)
        metadata = apply(None, change.requirements, change.updates)
        check_metadata(self._storage.allowed, metadata)
        return _Prepared(table, None, self._storage.write_next(metadata, None))

    def _discard(self, prepared: Sequence[_Prepared]) -> None:
        self._storage.remove(
            one.new.location for one in prepared if one.changes and one.new.location
        )
