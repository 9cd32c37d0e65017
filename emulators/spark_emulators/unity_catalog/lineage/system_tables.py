"""``system.access``: the history of lineage as Iceberg tables, brought up to date when loaded.

Each table remembers, as a property, up to which record it has been written; what is newer is
appended in one commit with the property. A server that loses the race to do so has nothing to do.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

import pyarrow
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table, Transaction

from spark_emulators.unity_catalog.acting import acting_as
from spark_emulators.unity_catalog.errors import AlreadyExists, CommitFailed, NoSuch
from spark_emulators.unity_catalog.iceberg.storage import Storage, TableVersion
from spark_emulators.unity_catalog.iceberg.tables import NewTable, Tables
from spark_emulators.unity_catalog.iceberg.transactions import Change, Commits
from spark_emulators.unity_catalog.lineage.store import Store
from spark_emulators.unity_catalog.lineage.system_rows import rows, schema
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.store.securables import Securables
from spark_emulators.unity_catalog.system import SYSTEM, SYSTEM_USER
from spark_platform.kernel.errors import PlatformError

__all__ = ["ACCESS", "SystemTables"]

_LOG = logging.getLogger(__name__)

ACCESS = "access"
_OF_COLUMNS = {"table_lineage": False, "column_lineage": True}
_WRITTEN = "lineage.newest-record"


class SystemTables:
    """The tables of one server.

    Args:
        storage_root: the folder that the catalog's own is made in.
    """

    def __init__(
        self,
        store: Store,
        securables: Securables,
        tables: Tables,
        commits: Commits,
        storage: Storage,
        storage_root: str,
    ) -> None:
        self._store = store
        self._securables = securables
        self._tables = tables
        self._commits = commits
        self._storage = storage
        self._folder = f"{storage_root}/__{SYSTEM}"
        self._turn = threading.Lock()

    def make(self) -> None:
        """Make the catalog and its tables where they are missing, as far as storage lets it."""
        with acting_as(SYSTEM_USER):
            for kind, names, place in (
                (Kind.CATALOG, [SYSTEM], self._folder),
                (Kind.SCHEMA, [SYSTEM, ACCESS], None),
            ):
                with suppress(AlreadyExists):
                    self._securables.create(kind, names, storage_location=place)
            for name in _OF_COLUMNS:
                try:
                    self._made(TableName(SYSTEM, ACCESS, name))
                except PlatformError as error:
                    _LOG.warning("%s.%s.%s is not made yet: %s", SYSTEM, ACCESS, name, error)

    def freshen(self, table: TableName) -> None:
        """Bring a table up to date, if it is one of these.

        Raises:
            Transient: storage or the database does not answer.
        """
        if table.catalog != SYSTEM or table.namespace != ACCESS or table.name not in _OF_COLUMNS:
            return
        with self._turn, acting_as(SYSTEM_USER):
            version = self._made(table)
            written = int(version.metadata.properties.get(_WRITTEN, 0))
            newest = self._store.newest_record()
            if newest > written:
                self._append(table, version, written, newest)

    def _made(self, table: TableName) -> TableVersion:
        try:
            return self._tables.load(table)
        except NoSuch:
            new = NewTable(table, schema(columns=_OF_COLUMNS[table.name]))
            with suppress(AlreadyExists):
                return self._tables.create(new)
            return self._tables.load(table)

    def _append(self, table: TableName, version: TableVersion, after: int, newest: int) -> None:
        columns = _OF_COLUMNS[table.name]
        records = self._store.records(columns=columns, after=after, until=newest)
        metadata = version.metadata
        transaction = Transaction(
            Table(
                identifier=(table.namespace, table.name),
                metadata=metadata,
                metadata_location=version.location,
                io=self._storage.io(metadata.location),
                catalog=None,
            )
        )
        if records:
            found = rows(records, self._securables.metastore.id, columns=columns)
            types = schema_to_pyarrow(metadata.schema())
            transaction.append(pyarrow.Table.from_pylist(found, schema=types))
        transaction.set_properties({_WRITTEN: str(newest)})
        # The way to a commit without a catalog of pyiceberg's. Its version is pinned exactly.
        change = Change(table, transaction._requirements, transaction._updates)
        with suppress(CommitFailed):
            self._commits.commit([change])
