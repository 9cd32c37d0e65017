"""Commits: new metadata files are written first, then the catalog moves to all of them at once.

The move is a compare-and-swap on each table's metadata file, in one database transaction. A writer
that loses it starts over from what the winner left; only its own requirements can fail it.
A process killed at any point leaves at most a file that nothing points to.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableRequirement, TableUpdate

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.errors import AlreadyExists, CommitFailed, NoSuch
from spark_emulators.unity_catalog.iceberg.commits import apply, creates_table
from spark_emulators.unity_catalog.iceberg.creating import schema_for
from spark_emulators.unity_catalog.iceberg.facts import facts
from spark_emulators.unity_catalog.iceberg.placing import MANAGED, table_type
from spark_emulators.unity_catalog.iceberg.storage import Storage, TableVersion
from spark_emulators.unity_catalog.locations import check_metadata, places_in
from spark_emulators.unity_catalog.metastore.places import Places
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.store.iceberg import Move, Pointers
from spark_emulators.unity_catalog.store.securables import Securables
from spark_emulators.unity_catalog.system import check_writable
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
    type: str
    old: TableVersion | None
    new: TableVersion

    @property
    def changes(self) -> bool:
        return self.old is not self.new

    def move(self) -> Move:
        assert self.new.location is not None
        old = self.old.location if self.old else None
        return Move(self.table, old, self.new.location, facts(self.new.metadata, self.type))


class Commits:
    """Changes tables."""

    def __init__(
        self, securables: Securables, pointers: Pointers, storage: Storage, guard: Guard
    ) -> None:
        self._securables = securables
        self._pointers = pointers
        self._storage = storage
        self._guard = guard
        self._places = Places(securables, guard)

    def commit(self, changes: Sequence[Change]) -> list[TableVersion]:
        """Apply changes to several tables: all of them or none.

        Returns:
            The tables as they are now, in the order of ``changes``.

        Raises:
            Forbidden: whoever acts may not change one of them.
            CommitFailed: a requirement does not hold, or storage, the database or other writers
                stood in the way for too long. Nothing has changed.
            NoSuch: a table is missing, and no requirement says it should be; or the schema it is to
                be made in.
            InvalidInput: the updates make no sense, or name files outside the catalog's storage.
        """
        if len({change.table for change in changes}) < len(changes):
            raise InvalidInput("one transaction changes the same table twice")
        for change in changes:
            check_writable(change.table.catalog)
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
            done = not any(one.changes for one in prepared) or self._pointers.swap(
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
        place = self._pointers.place(change.table)
        if place is None:
            return self._prepare_new(change)
        self._guard.require(Action.COMMIT, place)
        there = place.securable
        location = there.metadata_location
        assert location is not None
        old = self._storage.read(location)
        metadata = apply(old.metadata, change.requirements, change.updates, base_location=location)
        if metadata is old.metadata:
            return _Prepared(change.table, there.type, old, old)
        check_metadata(self._storage.allowed, metadata, old.metadata)
        self._check_places(metadata, set(places_in(old.metadata)))
        new = self._storage.write_next(metadata, location)
        return _Prepared(change.table, there.type, old, new)

    def _prepare_new(self, change: Change) -> _Prepared:
        if not creates_table(change.requirements):
            raise NoSuch(Kind.TABLE, str(change.table))
        table = change.table.checked()
        schema = schema_for(table, self._securables, self._guard)
        with suppress(NoSuch):
            self._securables.find(Kind.TABLE, table.names)
            raise AlreadyExists(Kind.TABLE, f"{table} (no Iceberg table)")
        metadata = apply(None, change.requirements, change.updates)
        check_metadata(self._storage.allowed, metadata)
        type = table_type(metadata.location, table, schema)
        if type == MANAGED:
            self._places.check(metadata.location, None)
        self._check_places(metadata, {metadata.location} if type == MANAGED else set())
        return _Prepared(table, type, None, self._storage.write_next(metadata, None))

    def _check_places(self, metadata: TableMetadata, known: set[str]) -> None:
        """Check that whoever acts may place files where a table has not placed any before."""
        for location in sorted(set(places_in(metadata)) - known):
            self._places.check(location, Action.PLACE_TABLE)

    def _discard(self, prepared: Sequence[_Prepared]) -> None:
        self._storage.remove(
            one.new.location for one in prepared if one.changes and one.new.location
        )
