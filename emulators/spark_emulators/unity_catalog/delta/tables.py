"""Delta tables as Delta's own writers want them: made, loaded, changed, renamed, dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.delta import schema, uniform
from spark_emulators.unity_catalog.delta.changes import (
    COLUMNS,
    Requirements,
    TableChange,
    changed,
)
from spark_emulators.unity_catalog.delta.contract import check_managed
from spark_emulators.unity_catalog.delta.log import Log
from spark_emulators.unity_catalog.delta.protocol import (
    LAST_TIMESTAMP,
    LAST_VERSION,
    Domains,
    Protocol,
    of_domains,
    with_protocol,
)
from spark_emulators.unity_catalog.delta.uniform import Uniform
from spark_emulators.unity_catalog.errors import UnsupportedTableFormat
from spark_emulators.unity_catalog.metastore.objects import Objects
from spark_emulators.unity_catalog.metastore.paths import normal
from spark_emulators.unity_catalog.metastore.tables import NewTable, Tables
from spark_emulators.unity_catalog.securables import Kind, Place, Securable
from spark_emulators.unity_catalog.store.delta import DeltaLogs
from spark_platform.kernel.errors import InvalidInput, Transient

__all__ = ["DeltaTables", "Loaded", "NewDeltaTable"]

_DELTA = "DELTA"
_ROUNDS = 100


@dataclass(frozen=True)
class NewDeltaTable:
    """A table whose first version its writer has written.

    Attributes:
        names: catalog, schema, table.
        type: ``MANAGED``, at the place that was staged for it, or ``EXTERNAL``.
        columns: the fields of its schema, as Delta's API spells them.
        timestamp: of that version, in milliseconds since 1970.
    """

    names: Sequence[str]
    type: str
    location: str
    columns: Sequence[Mapping[str, Any]]
    protocol: Protocol
    timestamp: int
    properties: Mapping[str, str] = field(default_factory=dict)
    partition_columns: Sequence[str] = ()
    domains: Domains = field(default_factory=dict)
    comment: str | None = None
    uniform: Uniform | None = None


@dataclass(frozen=True)
class Loaded:
    """A table and its log, as they were at one moment."""

    table: Securable
    log: Log


class DeltaTables:
    """The Delta tables of all catalogs.

    What whoever acts may not do raises Forbidden.
    """

    def __init__(self, objects: Objects, tables: Tables, logs: DeltaLogs) -> None:
        self._objects, self._tables, self._logs = objects, tables, logs

    def create(self, new: NewDeltaTable) -> Loaded:
        """Make a table.

        Raises:
            InvalidInput: parts do not fit together, or are not what a managed table needs.
            Others: as ``Tables.create``.
        """
        properties = {
            **with_protocol(new.properties, new.protocol),
            **of_domains(new.domains),
            LAST_TIMESTAMP: str(new.timestamp),
            LAST_VERSION: "0",
        }
        if new.type == "MANAGED":
            check_managed(new.protocol, set(new.domains), properties)
        uniform.check(new.uniform, properties, normal(new.location, "location"), new=True)
        details: dict[str, Any] = {COLUMNS: schema.columns(new.columns, new.partition_columns)}
        if new.uniform is not None:
            details[uniform.KEPT] = new.uniform.kept()
        place = self._tables.create(
            NewTable(
                new.names,
                type=new.type,
                format=_DELTA,
                location=new.location,
                comment=new.comment,
                properties=properties,
                details=details,
            )
        )
        return Loaded(place.securable, Log())

    def load(self, names: Sequence[str]) -> Loaded:
        """A table that whoever acts may see.

        Raises:
            NoSuch: it is missing.
            UnsupportedTableFormat: it is no Delta table.
            Transient: it changes all the time.
        """
        for _ in range(_ROUNDS):
            place = self._may(Action.SEE_TABLE, names)
            log = self._logs.read(place.securable.id)
            # what changes a table and its log changes the table's row
            if self._objects.securables.find(Kind.TABLE, names).securable == place.securable:
                return Loaded(place.securable, log)
        raise Transient(f"table {'.'.join(names)} changes too fast to be read", retry_after_s=1)

    def check_exists(self, names: Sequence[str]) -> None:
        """Raise NoSuch unless there is a table, whatever its format."""
        self._objects.may(Action.SEE_TABLE, Kind.TABLE, names)

    def update(
        self, names: Sequence[str], requirements: Requirements, change: TableChange
    ) -> Loaded:
        """Change a table and its log, both or neither.

        Raises:
            NoSuch, UnsupportedTableFormat: as ``load``.
            Others: as ``changed``.
        """
        place = self._may(Action.COMMIT, names)

        def after(log: Log, table: Securable) -> tuple[Log, Securable]:
            new_table, new_log = changed(table, log, requirements, change)
            return new_log, new_table

        table, log = self._logs.change(place, after)
        return Loaded(table, log)

    def rename(self, names: Sequence[str], new_name: str) -> None:
        """Give a table another name in its schema.

        Raises:
            NoSuch, UnsupportedTableFormat: as ``load``.
            InvalidInput: the name is not allowed.
            AlreadyExists: it is taken.
        """
        self._may(Action.DELETE_TABLE, names)
        target = [*names[:-1], new_name]
        self._objects.may_create(Kind.TABLE, target)
        self._objects.securables.move(Kind.TABLE, names, target)

    def drop(self, names: Sequence[str]) -> None:
        """Forget a table; its files stay. Raises NoSuch where it is missing."""
        self._objects.may(Action.DELETE_TABLE, Kind.TABLE, names)
        self._objects.securables.drop(Kind.TABLE, names)

    def check_report(self, names: Sequence[str], table_id: str) -> None:
        """Check that whoever acts may report of a table what they committed; nothing keeps it.

        Raises:
            NoSuch, UnsupportedTableFormat: as ``load``.
            InvalidInput: it is not the table of that id.
        """
        place = self._may(Action.COMMIT, names)
        if place.securable.id != table_id:
            raise InvalidInput(f"table-id {table_id} is not that of table {place.full_name}")

    def place(self, names: Sequence[str]) -> Place:
        """Where a table is; who may have its files is asked elsewhere. Raises as ``load``."""
        return _delta(self._objects.securables.find(Kind.TABLE, names))

    def _may(self, action: Action, names: Sequence[str]) -> Place:
        return _delta(self._objects.may(action, Kind.TABLE, names))


def _delta(place: Place) -> Place:
    if place.securable.details.get("data_source_format") != _DELTA:
        raise UnsupportedTableFormat(f"Table is not a Delta table: {place.full_name}")
    return place
