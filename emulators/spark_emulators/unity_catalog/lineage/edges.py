"""What comes from what, by the events of one run: a pure function of them and of the catalog.

A dataset is looked for by its location first and then by its other names: a table that a run is
about to make has a name before it has a place. What is no table of the catalog is a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from spark_emulators.unity_catalog.lineage.events import Dataset, Observation, Source

__all__ = ["ColumnEdge", "Edges", "End", "Resolver", "TableEdge", "Type", "edges_of"]

# of a table that goes or gets another name, nothing is written
_NO_WRITES = ("DROP", "RENAME")
_UC_SCHEME = "unitycatalog://"


class Resolver(Protocol):
    """What edges must know of the catalog."""

    def table_at(self, location: str) -> str | None:
        """The full name of the table whose files are at ``location``; None where there is none."""

    def serves(self, catalog: str) -> bool:
        """Whether tables of ``catalog`` are this server's."""


class Type(str, Enum):
    """What lineage leads to and from, spelled as in the system tables."""

    TABLE = "TABLE"
    PATH = "PATH"


@dataclass(frozen=True)
class End:
    """One end of an edge.

    Attributes:
        name: a table's full name, or a path.
    """

    type: Type
    name: str


@dataclass(frozen=True)
class TableEdge:
    """``target`` was written from ``source``; one of them is None for a mere read or write."""

    source: End | None
    target: End | None


@dataclass(frozen=True)
class ColumnEdge:
    """A column of ``target`` was computed from one of ``source``."""

    source: End
    source_column: str
    target: End
    target_column: str


@dataclass(frozen=True)
class Edges:
    """All edges of one run."""

    tables: frozenset[TableEdge] = frozenset()
    columns: frozenset[ColumnEdge] = frozenset()

    def where(self, holds: Callable[[End | None, End | None], bool]) -> Edges:
        """Those whose source and target satisfy ``holds``."""
        return Edges(
            frozenset(edge for edge in self.tables if holds(edge.source, edge.target)),
            frozenset(edge for edge in self.columns if holds(edge.source, edge.target)),
        )


def edges_of(observations: Iterable[Observation], resolver: Resolver) -> Edges:
    """The edges of a run that has succeeded.

    Args:
        observations: of all its events. An output whose facets say what it comes from comes from
            nothing else; any other comes from every input.
    """
    seen = list(observations)
    inputs = [dataset for one in seen for dataset in one.inputs]
    outputs = [dataset for one in seen for dataset in one.outputs if not _goes(dataset)]
    ends = _Ends(resolver, [*inputs, *outputs])
    read = {ends.of(dataset) for dataset in inputs}
    if not outputs:
        return Edges(frozenset(TableEdge(source, None) for source in read))

    columns = {
        ColumnEdge(ends.named(source), source.field, ends.of(dataset), column)
        for dataset in outputs
        for column, source in _column_sources(dataset)
        if source.field is not None
    }
    stated = {ends.of(dataset) for dataset in outputs if dataset.facets.lineage}
    sources = {target: set() if target in stated else set(read) for target in map(ends.of, outputs)}
    for dataset in outputs:
        sources[ends.of(dataset)].update(map(ends.named, _stated(dataset)))
    for column in columns:
        sources[column.target].add(column.source)
    nothing: set[End | None] = {None}
    tables = {
        TableEdge(source, target)
        for target, found in sources.items()
        for source in found or nothing
    }
    return Edges(frozenset(tables), frozenset(columns))


def location_of(namespace: str, name: str) -> str:
    """The location that a dataset's two names make."""
    separator = ":/" if namespace == "file" else "/"
    return f"{namespace.rstrip('/')}{separator}{name.lstrip('/')}"


class _Ends:
    """Each dataset's end. Facets mention datasets by name only, which others described in full."""

    def __init__(self, resolver: Resolver, datasets: Iterable[Dataset]) -> None:
        self._resolver = resolver
        self._known: dict[tuple[str, str], End] = {}
        for dataset in datasets:
            self._known[dataset.namespace, dataset.name] = self._resolve(dataset)

    def of(self, dataset: Dataset) -> End:
        return self._known[dataset.namespace, dataset.name]

    def named(self, source: Source) -> End:
        known = self._known.get((source.namespace, source.name))
        return known or self._resolve(Dataset(namespace=source.namespace, name=source.name))

    def _resolve(self, dataset: Dataset) -> End:
        location = location_of(dataset.namespace, dataset.name)
        table = self._resolver.table_at(location) or self._by_symlink(dataset)
        return End(Type.TABLE, table) if table else End(Type.PATH, location)

    def _by_symlink(self, dataset: Dataset) -> str | None:
        warehouse = dataset.facets.catalog.warehouse_uri
        for symlink in dataset.facets.symlinks.identifiers:
            if symlink.type.upper() != "TABLE":
                continue
            if symlink.namespace.startswith(_UC_SCHEME):
                name = symlink.name
            else:
                name = f"{warehouse}.{symlink.name}"
            catalog, *rest = name.split(".")
            if len(rest) == 2 and self._resolver.serves(catalog):
                return name
        return None


def _goes(dataset: Dataset) -> bool:
    change = dataset.facets.lifecycle_state_change
    return change is not None and change.lifecycle_state_change in _NO_WRITES


def _stated(dataset: Dataset) -> Iterator[Source]:
    lineage = dataset.facets.lineage
    if lineage is None:
        return
    yield from _datasets(lineage.inputs)
    for field in lineage.fields.values():
        yield from _datasets(field.inputs)


def _column_sources(dataset: Dataset) -> Iterator[tuple[str, Source]]:
    facets = dataset.facets
    if facets.column_lineage:
        for column, field in facets.column_lineage.fields.items():
            yield from ((column, source) for source in field.input_fields)
    if facets.lineage:
        for column, stated in facets.lineage.fields.items():
            yield from ((column, source) for source in _datasets(stated.inputs))


def _datasets(sources: Iterable[Source]) -> Iterator[Source]:
    return (source for source in sources if source.type == "DATASET")
