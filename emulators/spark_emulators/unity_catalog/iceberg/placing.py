"""Where tables go that name no place of their own: those are managed, all others external."""

from __future__ import annotations

import re
import uuid

from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.securables import Place
from spark_platform.kernel.errors import InvalidInput

__all__ = ["EXTERNAL", "MANAGED", "fresh_location", "table_type"]

MANAGED, EXTERNAL = "MANAGED", "EXTERNAL"
_SUFFIX = re.compile(r"-[0-9a-f]{12}")


def fresh_location(name: TableName, schema: Place) -> str:
    """A folder for a new table of a schema.

    Every table ever made has its own: one that is dropped without its files and made again must
    not find the old ones.

    Raises:
        InvalidInput: neither schema, catalog nor metastore names a place.
    """
    if schema.folder is None:
        raise InvalidInput(
            f"catalog {name.catalog} has no storage_root",
            hint="give the table a location, or its schema or catalog a storage root",
        )
    return f"{schema.folder}/{name.name}-{uuid.uuid4().hex[:12]}"


def table_type(location: str, name: TableName, schema: Place) -> str:
    """``MANAGED`` where ``fresh_location`` chose a location, else ``EXTERNAL``."""
    start = f"{schema.folder}/{name.name}"
    ours = location.startswith(start) and _SUFFIX.fullmatch(location.removeprefix(start))
    return MANAGED if ours else EXTERNAL
