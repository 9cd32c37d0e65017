"""What Unity Catalog tells of an Iceberg table, taken from its metadata."""

from __future__ import annotations

from pyiceberg.table.metadata import TableMetadata

from spark_emulators.unity_catalog.iceberg.columns import columns
from spark_emulators.unity_catalog.metastore.paths import normal
from spark_emulators.unity_catalog.store.iceberg import Facts
from spark_platform.kernel.errors import InvalidInput

__all__ = ["facts"]

_COMMENT = "comment"


def facts(metadata: TableMetadata, type: str) -> Facts:
    """The facts of a table.

    Args:
        type: ``MANAGED`` where the catalog chose its location, else ``EXTERNAL``.
    """
    properties = dict(metadata.properties)
    return Facts(
        type=type,
        storage_location=_spelled(metadata.location),
        comment=properties.pop(_COMMENT, None),
        properties=properties,
        details={
            "data_source_format": "ICEBERG",
            "columns": columns(metadata.schema(), metadata.spec()),
        },
    )


def _spelled(location: str) -> str:
    try:
        return normal(location)
    except InvalidInput:
        # odd, but its writer can reach it; nothing else is ever found to be in it
        return location
