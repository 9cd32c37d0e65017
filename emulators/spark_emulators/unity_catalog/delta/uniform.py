"""UniForm: where a Delta table can be read as an Iceberg table, as far as the catalog knows: pure.

The open-source server's ``DeltaUniformUtils``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from spark_emulators.unity_catalog.metastore.paths import normal
from spark_platform.kernel.errors import InvalidInput

__all__ = ["KEPT", "Uniform", "check"]

KEPT = "uniform_iceberg"
"""What it is called in a table's details."""

_FORMATS = "delta.universalFormat.enabledFormats"


@dataclass(frozen=True)
class Uniform:
    """What was made of a version of a table.

    Attributes:
        metadata_location: Iceberg's metadata file.
        converted_delta_timestamp: milliseconds since 1970.
        base_converted_delta_version: what was converted before, where only what is new was.
    """

    metadata_location: str
    converted_delta_version: int
    converted_delta_timestamp: int
    base_converted_delta_version: int | None = None

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Uniform | None:
        """What a table's details have of it."""
        kept = details.get(KEPT)
        return None if kept is None else cls(**kept)

    def kept(self) -> dict[str, Any]:
        """What a table's details are to have of it."""
        return asdict(self)


def check(
    uniform: Uniform | None, properties: Mapping[str, str], table_location: str, new: bool
) -> None:
    """Check that a commit brings what the table's properties say, and in the right place.

    Args:
        properties: of the table after the commit.
        new: whether it is the table's first.

    Raises:
        InvalidInput: it does not.
    """
    enabled = "iceberg" in properties.get(_FORMATS, "").split(",")
    if enabled and uniform is None:
        raise InvalidInput(f"Uniform metadata must be set when {_FORMATS!r} includes 'iceberg'")
    if uniform is None:
        return
    if not enabled:
        raise InvalidInput(
            f"Uniform metadata must not be set unless {_FORMATS!r} includes 'iceberg'"
        )
    location = normal(uniform.metadata_location, "uniform.iceberg.metadata-location")
    if not location.startswith(f"{table_location}/"):
        raise InvalidInput(
            f"uniform.iceberg.metadata-location must be below the table's location {table_location}"
        )
    if new and uniform.converted_delta_version not in (0, 1):
        raise InvalidInput(
            "uniform.iceberg.converted-delta-version must be 0 or 1 for a new table, "
            f"not {uniform.converted_delta_version}"
        )
    if new and uniform.base_converted_delta_version is not None:
        raise InvalidInput(
            "uniform.iceberg.base-converted-delta-version must not be set for a new table"
        )
