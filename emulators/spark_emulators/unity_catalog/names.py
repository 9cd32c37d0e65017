"""Names of catalogs, schemas and tables, and a schema's spelling in a path.

Unity Catalog has one level of schemas, so an Iceberg namespace has one level here. A deeper one is
refused where it would be made, and simply does not exist where it is read: Spark looks up the
metadata table ``schema.table.history`` as table ``history`` of namespace ``schema.table`` first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spark_platform.kernel.errors import InvalidInput

__all__ = ["NAMESPACE_SEPARATOR", "TableName", "check_name", "decode_namespace", "one_level"]

NAMESPACE_SEPARATOR = "\x1f"
_NAME = re.compile(r"[A-Za-z0-9_@-]{1,255}")


@dataclass(frozen=True, order=True)
class TableName:
    """Where a table is found: catalog, schema, table."""

    catalog: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name}"

    @property
    def names(self) -> tuple[str, str, str]:
        """The parts of its full name."""
        return self.catalog, self.namespace, self.name

    def checked(self) -> TableName:
        """This name, if a table may be given it.

        Raises:
            InvalidInput: the schema or table name breaks the name rule.
        """
        check_name("namespace", self.namespace)
        check_name("table", self.name)
        return self


def check_name(kind: str, name: str) -> str:
    """Return ``name`` if a new ``kind`` ("table", …) may have it.

    Raises:
        InvalidInput: it breaks Unity Catalog's rule.
    """
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 80 else f"{name[:80]}…"
        raise InvalidInput(
            f"{kind} name {shown!r} is not allowed: use 1 to 255 of letters, digits, '_', '@', '-'"
        )
    return name


def decode_namespace(segment: str) -> tuple[str, ...]:
    """The levels of a namespace in a path segment that is percent-decoded already."""
    return tuple(segment.split(NAMESPACE_SEPARATOR))


def one_level(levels: Sequence[str]) -> str:
    """The schema that a namespace stands for.

    Raises:
        InvalidInput: there is not exactly one level.
    """
    if len(levels) != 1:
        raise InvalidInput(
            f"namespace {'.'.join(levels)!r} has {len(levels)} levels: "
            "a catalog has one level of schemas"
        )
    return levels[0]
