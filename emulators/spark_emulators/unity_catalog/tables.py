"""Tables: list, create, load, register, rename, drop. Changing them is ``transactions``' job."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortOrder

from spark_emulators.unity_catalog.errors import AlreadyExists, NoSuchTable
from spark_emulators.unity_catalog.locations import check_metadata
from spark_emulators.unity_catalog.metadata import check_location, new_table
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.purge import purge
from spark_emulators.unity_catalog.storage import Storage, TableVersion
from spark_emulators.unity_catalog.store import Move, Store
from spark_platform.kernel.errors import InvalidInput, Transient

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
    """The tables of all catalogs.

    Args:
        storage_roots: each catalog's folder, for schemas without a ``location`` of their own.
    """

    def __init__(self, store: Store, storage: Storage, storage_roots: Mapping[str, str]) -> None:
        self._store = store
        self._storage = storage
        self._storage_roots = storage_roots

    def names(self, catalog: str, namespace: str, page: PageRequest) -> Page:
        """Raises NoSuchNamespace where the schema is missing."""
        return self._store.list_tables(catalog, namespace, page)

    def exists(self, table: TableName) -> bool:
        return self._store.metadata_location(table) is not None

    def load(self, table: TableName) -> TableVersion:
        """Raises NoSuchTable where the table or its schema is missing."""
        return self._storage.read(self._location(table))

    def stage(self, new: NewTable) -> TableVersion:
        """The table as ``create`` would make it, for a writer who will commit it with its data.

        Raises: as ``create``.
        """
        table = new.name.checked()
        properties = self._store.namespace_properties(table.catalog, table.namespace)
        if self.exists(table):
            raise _taken(table)
        location = new.location or self._fresh_location(table, properties)
        metadata = new_table(new.schema, new.spec, new.order, location, new.properties)
        check_metadata(self._storage.allowed, metadata)
        return TableVersion(metadata, None)

    def create(self, new: NewTable) -> TableVersion:
        """Make an empty table.

        Raises:
            InvalidInput: the name or a location is not allowed, or the parts do not fit together.
            NoSuchNamespace: the schema is missing.
            AlreadyExists: the table is there.
        """
        staged = self.stage(new)
        version = self._storage.write_next(staged.metadata, None)
        assert version.location is not None
        if not self._store.swap([Move(new.name, None, version.location)]):
            self._storage.remove([version.location])
            self._store.namespace_properties(new.name.catalog, new.name.namespace)
            raise _taken(new.name)
        return version

    def register(self, table: TableName, location: str, *, overwrite: bool) -> TableVersion:
        """Take up a table that has a metadata file already.

        Args:
            overwrite: whether a table of that name may be pointed at the file instead.

        Raises:
            InvalidInput: the file cannot be read, or not be kept as it is, or it names files
                outside the catalog's storage.
            NoSuchNamespace: the schema is missing.
            AlreadyExists: the table is there, and may not be overwritten.
        """
        table.checked()
        self._store.namespace_properties(table.catalog, table.namespace)
        if not overwrite and self.exists(table):
            raise _taken(table)
        location = check_location(location)
        version = self._storage.read(location)
        check_metadata(self._storage.allowed, version.metadata)
        if overwrite:
            self._store.replace_table(table, location)
        elif not self._store.swap([Move(table, None, location)]):
            self._store.namespace_properties(table.catalog, table.namespace)
            raise _taken(table)
        return version

    def rename(self, source: TableName, target: TableName) -> None:
        """Raises InvalidInput, NoSuchTable, NoSuchNamespace (of the target) or AlreadyExists."""
        self._store.rename_table(source, target.checked())

    def drop(self, table: TableName, *, with_files: bool) -> None:
        """Forget a table.

        Args:
            with_files: also remove its files. The table is gone from the catalog before the first
                of them is, so no table is ever left with only some.

        Raises:
            NoSuchTable: it is missing.
            Transient: writers are always faster; or its metadata cannot be read now, so its files
                could not be found either.
        """
        for _ in range(_ROUNDS):
            location = self._location(table)
            version = self._readable(location) if with_files else None
            if self._store.drop_table(table, location):
                break
        else:
            raise Transient(f"table {table} changes too fast to be dropped", retry_after_s=1)
        if version is not None:
            purge(self._storage, version)

    def _readable(self, location: str) -> TableVersion | None:
        try:
            return self._storage.read(location)
        except InvalidInput as error:
            _LOG.warning("the table's files stay behind: %s", error.message)
            return None

    def _location(self, table: TableName) -> str:
        location = self._store.metadata_location(table)
        if location is None:
            raise NoSuchTable(f"table {table} does not exist")
        return location

    def _fresh_location(self, table: TableName, namespace_properties: Mapping[str, str]) -> str:
        # A folder of its own for every table ever made: one that is dropped without its files and
        # made again must not find the old ones.
        schema_folder = namespace_properties.get(
            "location", f"{self._storage_roots[table.catalog]}/{table.namespace}"
        )
        return f"{schema_folder.rstrip('/')}/{table.name}-{uuid.uuid4().hex[:12]}"


def _taken(table: TableName) -> AlreadyExists:
    return AlreadyExists(f"table {table} already exists")
