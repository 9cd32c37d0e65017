"""Tables that are being written before they exist: an id and a place, until somebody makes them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.sql import ColumnElement

from spark_emulators.unity_catalog.store.database import STAGED_TABLES
from spark_platform.kernel.database import reading, writing
from spark_platform.kernel.errors import NotFound

__all__ = ["StagedTable", "Staging"]


@dataclass(frozen=True)
class StagedTable:
    """What is reserved for a managed table.

    Attributes:
        names: catalog, schema, table: what it was meant to become.
        finished: it has become a table, which may be gone by now.
    """

    id: str
    names: tuple[str, ...]
    location: str
    created_by: str
    finished: bool = False


class Staging:
    """All that is staged."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, staged: StagedTable) -> StagedTable:
        row = {
            "id": staged.id,
            "names": list(staged.names),
            "location": staged.location,
            "created_by": staged.created_by,
            "finished": staged.finished,
        }
        with writing(self._engine) as connection:
            connection.execute(insert(STAGED_TABLES).values(row))
        return staged

    def at(self, location: str) -> StagedTable:
        """Raises NotFound where nothing is staged at a location."""
        return self._one(STAGED_TABLES.c.location == location, f"is at {location}")

    def by_id(self, id: str) -> StagedTable:
        """Raises NotFound where there is none of that id."""
        return self._one(STAGED_TABLES.c.id == id, f"has the id {id}")

    def _one(self, which: ColumnElement[bool], said: str) -> StagedTable:
        with reading(self._engine) as connection:
            row = connection.execute(select(STAGED_TABLES).where(which)).one_or_none()
        if row is None:
            raise NotFound(f"no staging table {said}")
        return StagedTable(row.id, tuple(row.names), row.location, row.created_by, row.finished)

    def finish(self, id: str) -> None:
        """Take note that it has become a table."""
        with writing(self._engine) as connection:
            connection.execute(
                update(STAGED_TABLES).where(STAGED_TABLES.c.id == id).values(finished=True)
            )
