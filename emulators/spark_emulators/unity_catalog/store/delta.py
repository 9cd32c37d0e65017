"""The logs of managed Delta tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from spark_emulators.unity_catalog.delta.log import Commit, Log
from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.securables import Kind, Place, Securable
from spark_emulators.unity_catalog.store.database import DELTA_LOGS
from spark_emulators.unity_catalog.store.securables import find, touch
from spark_platform.kernel.database import reading, writing

__all__ = ["DeltaLogs"]

Change = Callable[[Log, Securable], tuple[Log, Securable]]


class DeltaLogs:
    """What the catalog keeps of each table's log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, table_id: str) -> Log:
        """The log of a table; an empty one where it has had no commit."""
        with reading(self._engine) as connection:
            return _read(connection, table_id)

    def change(self, table: Place, change: Change) -> tuple[Securable, Log]:
        """Change a table and its log, both or neither; returns them as they are then.

        Raises:
            NoSuch: the table is missing.
        """
        with writing(self._engine) as connection:
            # its row is what concurrent commits wait for
            place = find(connection, table.path[0], Kind.TABLE, table.names, lock=True)
            before = place.securable
            if before.id != table.securable.id:
                # another one has the name by now
                raise NoSuch(Kind.TABLE, table.full_name)
            log = _read(connection, before.id)
            changed, after = change(log, before)
            if (changed, after) == (log, before):
                return before, log
            # also for its log's sake: so who reads both knows that they belong together
            after = touch(connection, after)
            if changed != log:
                connection.execute(delete(DELTA_LOGS).where(DELTA_LOGS.c.table_id == before.id))
                connection.execute(insert(DELTA_LOGS).values(_values(before.id, changed)))
            return after, changed


def _read(connection: Connection, table_id: str) -> Log:
    row = connection.execute(
        select(DELTA_LOGS).where(DELTA_LOGS.c.table_id == table_id)
    ).one_or_none()
    if row is None:
        return Log()
    return Log(Commit(**row.latest), tuple(Commit(**one) for one in row.waiting))


def _values(table_id: str, log: Log) -> dict[str, Any]:
    assert log.latest is not None
    return {
        "table_id": table_id,
        "latest": asdict(log.latest),
        "waiting": [asdict(one) for one in log.waiting],
    }
