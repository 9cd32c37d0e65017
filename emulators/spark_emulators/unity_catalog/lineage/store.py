"""What is remembered of lineage: runs under way, the history, and the graph."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Table, and_, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from spark_emulators.unity_catalog.lineage.database import EDGES, PENDING, RECORDS, key_of
from spark_emulators.unity_catalog.lineage.edges import Edges, End, Type
from spark_emulators.unity_catalog.lineage.events import Observation
from spark_platform.kernel.database import reading, writing

__all__ = ["Happening", "Link", "Record", "Store"]

_RECORDS = uuid.UUID("5bd9e1f5-2d4a-4f0e-9f53-0f8a3e1f2b6c")
"""The name space of record ids, so that the same event said twice is one record."""


@dataclass(frozen=True)
class Happening:
    """What edges come from.

    Attributes:
        event_id: the run's id.
        event_time: milliseconds since 1970.
        entity_id: the job, as people name it; None where nothing ran.
        entity_run_id: that job's run.
    """

    event_id: str
    event_time: int
    entity_id: str | None = None
    entity_run_id: str | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class Link:
    """A neighbour in the graph.

    Attributes:
        column: of the neighbour; None between tables.
        jobs: those that made the link, with the time they last did, ms since 1970.
    """

    end: End
    column: str | None
    jobs: Mapping[str | None, int]

    @property
    def event_time(self) -> int:
        """When it was last made, ms since 1970."""
        return max(self.jobs.values())


@dataclass(frozen=True)
class Record:
    """One row of the history."""

    record_id: str
    happening: Happening
    source: End | None
    source_column: str | None
    target: End | None
    target_column: str | None


class Store:
    """Lineage in the catalog's database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Runs under way

    def keep(self, run_id: str, observation: Observation, now: int) -> None:
        """Remember what a run has seen until it ends.

        Args:
            now: milliseconds since 1970.
        """
        document = observation.model_dump(mode="json", by_alias=True, exclude_none=True)
        row = {
            "run_id": run_id,
            "digest": key_of(json.dumps(document, sort_keys=True)),
            "received_at": now,
            "observation": document,
        }
        with writing(self._engine) as connection:
            _insert_new(connection, PENDING, [row])

    def kept(self, run_id: str) -> list[Observation]:
        """All that a run has seen so far."""
        query = select(PENDING.c.observation).where(PENDING.c.run_id == run_id)
        with reading(self._engine) as connection:
            documents = list(connection.scalars(query))
        return [Observation.model_validate(document) for document in documents]

    def forget(self, run_id: str) -> None:
        """Let go of what a run has seen."""
        with writing(self._engine) as connection:
            connection.execute(delete(PENDING).where(PENDING.c.run_id == run_id))

    def forget_older_than(self, time: int) -> None:
        """Let go of runs whose end was never told; ``time`` in ms since 1970."""
        with writing(self._engine) as connection:
            connection.execute(delete(PENDING).where(PENDING.c.received_at < time))

    # History and graph

    def finish(self, happening: Happening, edges: Edges) -> None:
        """Add what came of a run, once however often it is told, and let go of what it saw."""
        rows = list(_rows(edges))
        with writing(self._engine) as connection:
            connection.execute(delete(PENDING).where(PENDING.c.run_id == happening.event_id))
            if rows:
                _one_at_a_time(connection, RECORDS)
                _insert_new(connection, RECORDS, [_record_row(happening, row) for row in rows])
                for row in rows:
                    _upsert_edge(connection, happening, row)

    def upstream(self, end: End, column: str | None = None) -> list[Link]:
        """What ``end``, or a column of it, comes from: direct neighbours, by name."""
        return self._links("source", EDGES.c.target_key == _key(end, column))

    def downstream(self, end: End, column: str | None = None) -> list[Link]:
        """What comes from ``end``, or from a column of it: direct neighbours, by name."""
        return self._links("target", EDGES.c.source_key == _key(end, column))

    def knows(self, end: End) -> bool:
        """Whether anything was ever read from or written to ``end``."""
        key = _key(end, None)
        with reading(self._engine) as connection:
            return any(
                connection.execute(select(EDGES.c.id).where(side == key).limit(1)).first()
                for side in (EDGES.c.source_key, EDGES.c.target_key)
            )

    def newest_record(self) -> int:
        """The number of the last row of the history; 0 where there is none."""
        query = select(RECORDS.c.number).order_by(RECORDS.c.number.desc()).limit(1)
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def records(self, *, columns: bool, after: int, until: int) -> list[Record]:
        """A part of the history in the order of its arrival: of columns, or of tables.

        Args:
            after, until: numbers of records; the first is not part of it, the last is.
        """
        number, of_columns = RECORDS.c.number, RECORDS.c.target_column.is_not(None)
        query = (
            select(RECORDS)
            .where(number > after, number <= until, of_columns if columns else ~of_columns)
            .order_by(number)
        )
        with reading(self._engine) as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def _links(self, side: str, condition: Any) -> list[Link]:
        query = select(EDGES).where(
            and_(condition, EDGES.c[f"{side}_name"].is_not(None)),
            EDGES.c.source_key != EDGES.c.target_key,
        )
        jobs: dict[tuple[End, str | None], dict[str | None, int]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query).mappings():
                end = _end(row, side)
                assert end is not None
                jobs.setdefault((end, row[f"{side}_column"]), {})[row["entity_id"]] = row[
                    "event_time"
                ]
        links = [Link(end, column, found) for (end, column), found in jobs.items()]
        return sorted(links, key=lambda link: (link.end.name, link.column or ""))


Row = dict[str, Any]


def _rows(edges: Edges) -> Iterable[Row]:
    for edge in edges.tables:
        yield _row(edge.source, None, edge.target, None)
    for column in edges.columns:
        yield _row(column.source, column.source_column, column.target, column.target_column)


def _row(
    source: End | None, source_column: str | None, target: End | None, target_column: str | None
) -> Row:
    return {
        "source_type": source and source.type.value,
        "source_name": source and source.name,
        "source_column": source_column,
        "target_type": target and target.type.value,
        "target_name": target and target.name,
        "target_column": target_column,
    }


def _record_row(happening: Happening, row: Row) -> Row:
    said = json.dumps([happening.event_id, row], sort_keys=True)
    return {
        **row,
        "record_id": str(uuid.uuid5(_RECORDS, said)),
        "event_id": happening.event_id,
        "event_time": happening.event_time,
        "entity_id": happening.entity_id,
        "entity_run_id": happening.entity_run_id,
        "created_by": happening.created_by,
    }


def _upsert_edge(connection: Connection, happening: Happening, row: Row) -> None:
    said = json.dumps([happening.entity_id, row], sort_keys=True)
    new = {
        **row,
        "id": str(uuid.uuid5(_RECORDS, said)),
        "source_key": _key(_end(row, "source"), row["source_column"]),
        "target_key": _key(_end(row, "target"), row["target_column"]),
        "entity_id": happening.entity_id,
        "event_time": happening.event_time,
    }
    statement = _insert(connection, EDGES).values(new)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[EDGES.c.id],
            set_={"event_time": statement.excluded.event_time},
            # events may arrive late
            where=EDGES.c.event_time < statement.excluded.event_time,
        )
    )


def _one_at_a_time(connection: Connection, table: Table) -> None:
    """Have numbers become visible in their order: who has read up to one has read all before it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def _insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)


def _insert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _key(end: End | None, column: str | None) -> str:
    return key_of(end.type.value, end.name, column or "") if end else ""


def _end(row: Mapping[Any, Any], side: str) -> End | None:
    if row[f"{side}_name"] is None:
        return None
    return End(Type(row[f"{side}_type"]), row[f"{side}_name"])


def _record(row: Mapping[Any, Any]) -> Record:
    happening = Happening(
        row["event_id"],
        row["event_time"],
        row["entity_id"],
        row["entity_run_id"],
        row["created_by"],
    )
    return Record(
        row["record_id"],
        happening,
        _end(row, "source"),
        row["source_column"],
        _end(row, "target"),
        row["target_column"],
    )
