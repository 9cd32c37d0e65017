"""Whose place a location is: no two tables, volumes or models share one, nor two locations."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from spark_emulators.unity_catalog.metastore.paths import above
from spark_emulators.unity_catalog.securables import Kind, Securable
from spark_emulators.unity_catalog.store.securables import Check, Securables, at, below
from spark_platform.kernel.database import alone
from spark_platform.kernel.errors import InvalidInput

__all__ = ["DATA", "check_empty", "check_no_bucket", "free", "owner_of"]

DATA = (Kind.TABLE, Kind.VOLUME, Kind.MODEL, Kind.MODEL_VERSION)
"""What has files of its own."""


def free(location: str, kinds: Collection[Kind], but: str = "") -> Check:
    """Checks that nothing of ``kinds`` is at, above or below a location, nor is about to be.

    Args:
        location: in its one spelling.
        but: the id of what may be there.

    Returns:
        What raises InvalidInput where something is.
    """

    def check(connection: Connection) -> None:
        alone(connection, "uc_places")
        there = [
            *at(connection, kinds, list(above(location))),
            *below(connection, kinds, location),
        ]
        _refuse(location, [other for other in there if other.id != but])

    return check


def check_empty(securables: Securables, location: str, kinds: Collection[Kind]) -> None:
    """Raise InvalidInput where something of ``kinds`` is at or below a location."""
    _refuse(location, securables.below(kinds, location))


def _refuse(location: str, others: Sequence[Securable]) -> None:
    for other in others:
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
