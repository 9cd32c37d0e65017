"""The whole catalog, kept aside and brought back: each test of a suite starts from the same one.

Files are not part of it. They need not be: Iceberg never changes one, so what was deleted from a
table since is only lost where its files were, too (by ``purge``, or by expired snapshots).
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Table, delete, insert, select

from spark_emulators.unity_catalog.securables import LEVELS, Kind
from spark_emulators.unity_catalog.store.database import KEYS, SCHEMA, SECURABLES
from spark_platform.kernel.database import reading, writing
from spark_platform.kernel.errors import NotFound

__all__ = ["Snapshots"]

# what signs tokens is this server's, whatever its catalog was
_TABLES = [table for table in SCHEMA.sorted_tables if table is not KEYS]
Rows = Sequence[Mapping[str, Any]]


class Snapshots:
    """What was kept, in this process: it ends with it.

    Args:
        engine: the catalog's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[str, dict[Table, Rows]] = {}
        self._lock = threading.Lock()

    def take(self) -> str:
        """Keep all that there is; returns the snapshot's id."""
        with reading(self._engine, steady=True) as connection:
            rows = {
                table: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in _TABLES
            }
        rows[SECURABLES].sort(key=_depth)
        id = str(uuid.uuid4())
        with self._lock:
            self._kept[id] = {**rows}
        return id

    def restore(self, id: str) -> None:
        """Have exactly what there was, in one transaction.

        Raises:
            NotFound: there is no such snapshot.
        """
        with self._lock:
            kept = self._kept.get(id)
        if kept is None:
            raise NotFound(f"snapshot {id} does not exist", hint="they end with the server")
        with writing(self._engine) as connection:
            for table in reversed(_TABLES):
                connection.execute(delete(table))
            for table in _TABLES:
                if kept[table]:
                    connection.execute(insert(table), kept[table])

    def forget(self, id: str) -> None:
        """Let go of a snapshot; one that is not there is no error."""
        with self._lock:
            self._kept.pop(id, None)


def _depth(row: Mapping[str, Any]) -> int:
    # parents first
    return len(LEVELS[Kind(row["kind"])])
