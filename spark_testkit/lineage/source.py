"""The catalog of a stack, asked for lineage: Databricks' API, and Iceberg's for a table's columns.

Of columns a name is ``catalog.schema.table.column``. Where a path begins, lineage ends.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from spark_platform.kernel.errors import InvalidInput, NotFound
from spark_testkit.catalog_http import CatalogHttp
from spark_testkit.lineage.graph import Graph, Neighbours, gathered

__all__ = ["LineageSource"]

_TRACKING = "/api/2.0/lineage-tracking"
_ICEBERG = "/api/2.1/unity-catalog/iceberg/v1"


class LineageSource:
    """One catalog.

    Args:
        url: its root.
        token: the bearer token it wants; empty where it wants none.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._http = CatalogHttp(url, token)

    def of_table(self, table: str) -> Graph:
        """All that a table comes from, and all that comes from it.

        Raises:
            InvalidInput: the name has not three parts.
            NotFound: the catalog knows no such table.
            PlatformError: it does not answer, or refuses; see ``CatalogHttp.ask``.
        """
        _parts(table)
        return gathered([table], self._tables)

    def of_columns(self, table: str) -> Graph:
        """The same of each column of a table; raises as ``of_table``."""
        catalog, schema, name = (quote(part, safe="") for part in _parts(table))
        path = f"{_ICEBERG}/catalogs/{catalog}/namespaces/{schema}/tables/{name}"
        metadata = self._asked(path)["metadata"]
        [current] = [
            schema
            for schema in metadata["schemas"]
            if schema["schema-id"] == metadata["current-schema-id"]
        ]
        starts = [f"{table}.{field['name']}" for field in current["fields"]]
        return gathered(starts, self._columns)

    def _tables(self, name: str) -> Neighbours:
        if "/" in name:
            return Neighbours()
        found = self._tracked("table-lineage", table_name=name)
        return Neighbours(_names(found["upstreams"]), _names(found["downstreams"]))

    def _columns(self, name: str) -> Neighbours:
        table, column = _split(name)
        found = self._tracked("column-lineage", table_name=table, column_name=column)
        return Neighbours(
            tuple(map(_column_name, found["upstream_cols"])),
            tuple(map(_column_name, found["downstream_cols"])),
        )

    def _tracked(self, what: str, **asked: str) -> Any:
        return self._asked(f"{_TRACKING}/{what}?{urlencode(asked)}")

    def _asked(self, path: str) -> Any:
        try:
            return self._http.ask("GET", path)
        except NotFound as error:
            raise NotFound(error.message, hint="name it catalog.schema.table") from error


def _parts(table: str) -> list[str]:
    parts = table.split(".")
    if len(parts) != 3 or not all(parts):
        raise InvalidInput(f"table {table!r} is not allowed", hint="use catalog.schema.table")
    return parts


def _split(column: str) -> tuple[str, str]:
    """Table and column; the column's own name may have dots."""
    *table, name = column.split(".", 3)
    return ".".join(table), name


def _names(neighbours: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(
        _full_name(one["tableInfo"], "name") if "tableInfo" in one else one["fileInfo"]["path"]
        for one in neighbours
    )


def _full_name(info: dict[str, Any], key: str) -> str:
    return f"{info['catalog_name']}.{info['schema_name']}.{info[key]}"


def _column_name(info: dict[str, Any]) -> str:
    return f"{_full_name(info, 'table_name')}.{info['name']}"
