"""Commits to managed Delta tables: which is the next version, and what it makes of the table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.delta.log import Commit, Log
from spark_emulators.unity_catalog.delta.uniform import KEPT, Uniform
from spark_emulators.unity_catalog.metastore.objects import Objects
from spark_emulators.unity_catalog.metastore.paths import normal
from spark_emulators.unity_catalog.securables import Kind, Place, Securable
from spark_emulators.unity_catalog.store.delta import DeltaLogs
from spark_platform.kernel.errors import InvalidInput

__all__ = ["DeltaChange", "DeltaCommits"]

_COLUMNS = "columns"


@dataclass(frozen=True)
class DeltaChange:
    """What a client says has happened to a table.

    Attributes:
        commit: a new version of it; None for none.
        backfilled: up to which version its log has been backfilled; None for no news.
        comment, columns, properties: what the commit changed of them; None for what stays.
        uniform: where the table can be read as an Iceberg table.
    """

    commit: Commit | None
    backfilled: int | None = None
    comment: str | None = None
    columns: Sequence[Mapping[str, Any]] | None = None
    properties: Mapping[str, str] | None = None
    uniform: Uniform | None = None


class DeltaCommits:
    """The commits of all tables."""

    def __init__(self, objects: Objects, logs: DeltaLogs) -> None:
        self._objects = objects
        self._logs = logs

    def commit(self, table_id: str, table_uri: str, change: DeltaChange) -> None:
        """Take note of a commit, of a backfill, or of both.

        Raises:
            NoSuch: there is no table of that id.
            InvalidInput: it is no managed Delta table, or at another place, or nothing is said;
                or as ``Log.committed``.
            Others: as ``Log.committed``.
        """
        if change.commit is None and change.backfilled is None:
            raise InvalidInput("commit_info or latest_backfilled_version is missing")
        table = self._table(table_id, table_uri, Action.COMMIT)

        def changed(log: Log, table: Securable) -> tuple[Log, Securable]:
            if change.backfilled is not None:
                log = log.backfilled(change.backfilled)
            if change.commit is None:
                return log, table
            after = log.committed(change.commit)
            # a commit that is sent again has changed the table already
            return after, table if after is log else _applied(change, table)

        self._logs.change(table, changed)

    def waiting(
        self, table_id: str, table_uri: str, start: int, end: int | None
    ) -> tuple[Sequence[Commit], int]:
        """The commits that are not backfilled, and the table's newest version.

        Raises:
            NoSuch: there is no table of that id.
            InvalidInput: it is no managed Delta table, or at another place; or the end is before
                the start.
        """
        if start < 0 or (end is not None and end < start):
            raise InvalidInput(f"no versions are from {start} to {end}")
        table = self._table(table_id, table_uri, Action.READ_COMMITS)
        log = self._logs.read(table.securable.id)
        return log.between(start, end), log.version

    def _table(self, id: str, uri: str, action: Action) -> Place:
        place = self._objects.securables.by_id(Kind.TABLE, id)
        self._objects.guard.require(action, place)
        table = place.securable
        if table.type != "MANAGED" or table.details.get("data_source_format") != "DELTA":
            raise InvalidInput(f"table {place.full_name} is no managed Delta table")
        if normal(uri, "table_uri") != table.storage_location:
            raise InvalidInput(f"table_uri {uri!r} is not where table {place.full_name} is")
        return place


def _applied(change: DeltaChange, table: Securable) -> Securable:
    details = {
        _COLUMNS: change.columns and list(change.columns),
        KEPT: change.uniform and change.uniform.kept(),
    }
    told = {key: value for key, value in details.items() if value is not None}
    return dataclasses.replace(
        table,
        comment=table.comment if change.comment is None else change.comment,
        properties=table.properties if change.properties is None else change.properties,
        details={**table.details, **told},
    )
