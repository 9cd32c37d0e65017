"""Tables: list, create, load, register, rename, drop. Changing them is ``transactions``' job."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.sorting import SortOrder

from spark_emulators.unity_catalog.access.guard import OPEN, Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.errors import AlreadyExists, NoSuch
from spark_emulators.unity_catalog.iceberg.creating import schema_for
from spark_emulators.unity_catalog.iceberg.facts import facts
from spark_emulators.unity_catalog.iceberg.metadata import check_location, new_table
from spark_emulators.unity_catalog.iceberg.placing import EXTERNAL, MANAGED, fresh_location
from spark_emulators.unity_catalog.iceberg.purge import purge
from spark_emulators.unity_catalog.iceberg.storage import Storage, TableVersion
from spark_emulators.unity_catalog.locations import check_metadata, places_in
from spark_emulators.unity_catalog.metastore.places import Places
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.securables import VIEW, Kind, Place, Securable
from spark_emulators.unity_catalog.store.iceberg import Move, Pointers
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import InvalidInput, PlatformError, Transient

__all__ = ["NewTable", "Tables"]

_LOG = logging.getLogger(__name__)
_ROUNDS = 100


@dataclass(frozen=True)
class NewTable:
    """A table to be made.

    Attributes:
        location: its folder; None for one of its own below the schema's.
    """

    name: TableName
    schema: Schema
    spec: PartitionSpec | None = None
    order: SortOrder | None = None
    location: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


class Tables:
    """The Iceberg tables of all catalogs.

    What whoever acts may not do raises Forbidden; lists leave out what they may not see.
    """

    def __init__(
        self, securables: Securables, pointers: Pointers, storage: Storage, guard: Guard
    ) -> None:
        self._securables = securables
        self._pointers = pointers
        self._storage = storage
        self._guard = guard
        self._places = Places(securables, guard)

    def names(self, catalog: str, namespace: str, page: PageRequest) -> Page[Securable]:
        """Raises NoSuch where the schema or its catalog is missing."""
        schema = self._securables.find(Kind.SCHEMA, [catalog, namespace])
        return self._guard.shown(Action.SEE_TABLE, schema, self._pointers.tables(schema, page))

    def exists(self, table: TableName) -> bool:
        place = self._pointers.place(table)
        if place is not None:
            self._guard.require(Action.SEE_TABLE, place)
        return place is not None

    def load(self, table: TableName) -> TableVersion:
        """Raises NoSuch where the table or its schema is missing."""
        return self._storage.read(_location(self._may(table, Action.READ_DATA)))

    def stage(self, new: NewTable) -> TableVersion:
        """The table as ``create`` would make it, for a writer who will commit it with its data.

        Raises: as ``create``.
        """
        table = new.name.checked()
        place = self._free(table)
        location = new.location or fresh_location(table, place)
        metadata = new_table(new.schema, new.spec, new.order, location, new.properties)
        check_metadata(self._storage.allowed, metadata)
        self._check_places(metadata, location if new.location is None else None)
        return TableVersion(metadata, None)

    def create(self, new: NewTable) -> TableVersion:
        """Make an empty table.

        Raises:
            InvalidInput: the name or a location is not allowed, or the parts do not fit together.
            NoSuch: the schema or its catalog is missing.
            AlreadyExists: the table is there.
        """
        staged = self.stage(new)
        version = self._storage.write_next(staged.metadata, None)
        assert version.location is not None
        told = facts(version.metadata, MANAGED if new.location is None else EXTERNAL)
        if not self._pointers.swap([Move(new.name, None, version.location, told)]):
            self._storage.remove([version.location])
            raise self._lost(new.name)
        return version

    def register(self, table: TableName, location: str, *, overwrite: bool) -> TableVersion:
        """Take up a table that has a metadata file already.

        Args:
            overwrite: whether a table of that name may be pointed at the file instead.

        Raises:
            InvalidInput: the file cannot be read, or not be kept as it is, or it names files
                outside the catalog's storage.
            NoSuch: the schema or its catalog is missing.
            AlreadyExists: the table is there, and may not be overwritten.
        """
        table.checked()
        there = self._pointers.place(table) if overwrite else None
        if there is not None:
            self._guard.require(Action.DELETE_TABLE, there)
        if overwrite:
            self._may_create(table)
        else:
            self._free(table)
        location = check_location(location)
        version = self._storage.read(location)
        check_metadata(self._storage.allowed, version.metadata)
        self._check_places(version.metadata)
        move = Move(table, None, location, facts(version.metadata, EXTERNAL))
        done = self._pointers.replace(move) if overwrite else self._pointers.swap([move])
        if not done:
            raise self._lost(table)
        return version

    def rename(self, source: TableName, target: TableName) -> None:
        """Raises InvalidInput, NoSuch (also of the target's schema) or AlreadyExists."""
        target.checked()
        self._may(source, Action.DELETE_TABLE)
        self._may_create(target)
        self._securables.move(Kind.TABLE, source.names, target.names)

    def drop(self, table: TableName, *, with_files: bool) -> None:
        """Forget a table.

        Args:
            with_files: also remove its files. The table is gone from the catalog before the first
                of them is, so no table is ever left with only some.

        Raises:
            NoSuch: it is missing.
            Transient: writers are always faster; or its metadata cannot be read now, so its files
                could not be found either.
        """
        for _ in range(_ROUNDS):
            location = _location(self._may(table, Action.DELETE_TABLE))
            version = self._readable(location) if with_files else None
            if self._pointers.drop(table, location):
                break
        else:
            raise Transient(f"table {table} changes too fast to be dropped", retry_after_s=1)
        if version is not None:
            # files of others could be named as the table's own
            own = None if self._guard is OPEN else list(places_in(version.metadata))
            purge(self._storage, version, own)

    def _readable(self, location: str) -> TableVersion | None:
        try:
            return self._storage.read(location)
        except InvalidInput as error:
            _LOG.warning("the table's files stay behind: %s", error.message)
            return None

    def _may(self, table: TableName, action: Action) -> Place:
        """The table, where whoever acts may do that to it."""
        place = self._pointers.place(table)
        if place is None:
            raise NoSuch(Kind.TABLE, str(table))
        self._guard.require(action, place)
        return place

    def _may_create(self, table: TableName) -> Place:
        """The schema for a new table, where whoever acts may make one."""
        return schema_for(table, self._securables, self._guard)

    def _check_places(self, metadata: TableMetadata, ours: str | None = None) -> None:
        """Check that whoever acts may place a table there; what the catalog chose is ``ours``."""
        for location in sorted(set(places_in(metadata)) - {ours}):
            self._places.check(location, Action.PLACE_TABLE)

    def _free(self, table: TableName) -> Place:
        """The schema for a new table; raises AlreadyExists where its name is taken."""
        # first: who may not make one is not told which names are taken
        schema = self._may_create(table)
        try:
            taken = self._securables.find(Kind.TABLE, table.names)
        except NoSuch as error:
            if error.kind is not Kind.TABLE:
                raise
            return schema
        raise _taken(table, taken.securable)

    def _lost(self, table: TableName) -> PlatformError:
        """Why a table could not be made, whose name was free a moment ago."""
        try:
            self._free(table)
        except PlatformError as error:
            return error
        return Transient(f"table {table} was made and dropped by others meanwhile", retry_after_s=1)


def _location(place: Place) -> str:
    location = place.securable.metadata_location
    assert location is not None
    return location


def _taken(table: TableName, there: Securable) -> AlreadyExists:
    return AlreadyExists(Kind.TABLE, f"{table} (a {'view' if there.type == VIEW else 'table'})")
