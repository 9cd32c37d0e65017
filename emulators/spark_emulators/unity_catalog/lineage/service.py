"""The one object that doors call: takes events, answers who comes from whom."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from sqlalchemy import Engine

from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.lineage.edges import Edges, End, Resolver, Type, edges_of
from spark_emulators.unity_catalog.lineage.events import (
    DatasetEvent,
    Event,
    EventType,
    JobEvent,
    Observation,
    RunEvent,
)
from spark_emulators.unity_catalog.lineage.permitted import EVERYTHING, Permitted
from spark_emulators.unity_catalog.lineage.store import Happening, Link, Store
from spark_emulators.unity_catalog.securables import Kind
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Catalog", "Lineage", "Neighbours"]

_RUNS_END_WITHIN_MS = 24 * 60 * 60 * 1000


class Catalog(Resolver, Protocol):
    """What lineage must know of the catalog."""

    def exists(self, full_name: str) -> bool:
        """Whether there is such a table."""


@dataclass(frozen=True)
class Neighbours:
    """What a table or column comes from, and what comes from it: direct neighbours only."""

    upstream: list[Link]
    downstream: list[Link]


class Lineage:
    """The lineage of a catalog's tables.

    Args:
        clock_ms: milliseconds since 1970.
        permitted: what whoever asks may know, and tell.
    """

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        clock_ms: Callable[[], int],
        permitted: Permitted = EVERYTHING,
    ) -> None:
        self.store = Store(engine)
        self.catalog = catalog
        self._clock_ms = clock_ms
        self._permitted = permitted

    def record(self, event: Event, *, created_by: str | None = None) -> None:
        """Take one event. What a run reads and writes counts once it completes.

        Only what whoever tells it could have done counts: reads of tables it may read, and writes
        of those it may write.

        Raises:
            Transient: the database does not answer; nothing was taken.
        """
        if isinstance(event, RunEvent):
            self._record_run(event, created_by)
            return
        # told outside of any run: of one moment and what it says, told twice, there is one record
        seen = event.observation if isinstance(event, DatasetEvent) else event
        said = f"{event.producer} {event.time_ms} {_subject(event)}"
        happening = Happening(
            str(uuid.uuid5(uuid.NAMESPACE_URL, said)), event.time_ms, created_by=created_by
        )
        self._finish(happening, [seen])

    def table(self, full_name: str) -> Neighbours:
        """The neighbours of a table, those hidden from who asks left out.

        Raises:
            InvalidInput: the name has not three parts.
            NoSuch: there is no such table and never was, or none that who asks may know of.
        """
        end = self._known(full_name)
        return Neighbours(
            self._shown(self.store.upstream(end)), self._shown(self.store.downstream(end))
        )

    def column(self, full_name: str, column: str) -> Neighbours:
        """The neighbours of a column; raises as ``table``."""
        end = self._known(full_name)
        upstream, downstream = self.store.upstream(end, column), self.store.downstream(end, column)
        return Neighbours(self._shown(upstream), self._shown(downstream))

    def _record_run(self, event: RunEvent, created_by: str | None) -> None:
        if event.event_type in (EventType.FAIL, EventType.ABORT):
            self.store.forget(event.run_id)
            return
        seen = Observation(inputs=event.inputs, outputs=event.outputs)
        if event.event_type is not EventType.COMPLETE:
            if seen.inputs or seen.outputs:
                now = self._clock_ms()
                self.store.forget_older_than(now - _RUNS_END_WITHIN_MS)
                self.store.keep(event.run_id, seen, now)
            return
        job, run_id = event.application
        happening = Happening(event.run_id, event.time_ms, job.name, run_id, created_by)
        self._finish(happening, [*self.store.kept(event.run_id), seen])

    def _finish(self, happening: Happening, seen: list[Observation]) -> None:
        edges = edges_of(seen, self.catalog)
        reads, writes = cache(self._permitted.reads), cache(self._permitted.writes)
        edges = edges.where(
            lambda source, target: (
                (source is None or _may(reads, source)) and (target is None or _may(writes, target))
            )
        )
        if edges != Edges():
            self.store.finish(happening, edges)

    def _known(self, full_name: str) -> End:
        if len(full_name.split(".")) != 3:
            raise InvalidInput(
                f"table_name {full_name!r} is not allowed", hint="use catalog.schema.table"
            )
        end = End(Type.TABLE, full_name)
        known = self.catalog.exists(full_name) or self.store.knows(end)
        if not known or not self._permitted.sees(full_name):
            raise NoSuch(Kind.TABLE, full_name)
        return end

    def _shown(self, links: list[Link]) -> list[Link]:
        sees = cache(self._permitted.sees)
        return [link for link in links if _may(sees, link.end)]


def _may(permitted: Callable[[str], bool], end: End) -> bool:
    return end.type is Type.PATH or permitted(end.name)


def _subject(event: JobEvent | DatasetEvent) -> str:
    named = event.job if isinstance(event, JobEvent) else event.dataset
    return f"{named.namespace} {named.name}"
