"""Whose place a location is: no two tables, volumes or models share one, nor two locations."""

from __future__ import annotations

from collections.abc import Collection

from spark_emulators.unity_catalog.metastore.paths import above
from spark_emulators.unity_catalog.securables import Kind, Securable
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import InvalidInput

__all__ = ["DATA", "check_free", "check_no_bucket", "owner_of"]

DATA = (Kind.TABLE, Kind.VOLUME, Kind.MODEL, Kind.MODEL_VERSION)
"""What has files of its own."""


def check_free(
    securables: Securables, location: str, kinds: Collection[Kind], but: str = ""
) -> None:
    """Check that nothing of ``kinds`` is at, above or below a location.

    Args:
        location: in its one spelling.
        but: the id of what may be there.

    Raises:
        InvalidInput: something is.
    """
    there = [*securables.at(kinds, list(above(location))), *securables.below(kinds, location)]
    for other in there:
        if other.id != but:
            raise InvalidInput(
                f"location {location!r} overlaps with that of {other.kind.noun} {other.name}: "
                f"{other.storage_location}"
            )


def check_no_bucket(location: str) -> None:
    """Raise InvalidInput where a location is a whole bucket, or the root of a file system."""
    if location.count("/") < 3 or location.endswith("://"):
        raise InvalidInput(f"storage_location {location!r} is a whole bucket: name a folder in it")


def owner_of(securables: Securables, location: str, kinds: Collection[Kind]) -> Securable | None:
    """What of ``kinds`` a location is in: the nearest above it; None where there is nothing."""
    found = securables.at(kinds, list(above(location)))
    return max(found, key=lambda one: len(one.storage_location or ""), default=None)
