"""Storage paths as Unity Catalog governs them: one spelling, no two owners of one place.

Source: the open-source server's storage rules (``NormalizedURL``, ``ExternalLocationUtils``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from spark_platform.kernel.errors import InvalidInput

__all__ = ["MANAGED_FOLDER", "above", "normal", "outside_managed"]

MANAGED_FOLDER = "__unitystorage"
"""Below a storage root: what the catalog gives out by itself, and nobody else may name."""

_LONGEST = 1024
# of Azure, a container and an account
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]*(@[a-z0-9.-]+)?")
_ALIASES = {"s3a": "s3", "s3n": "s3", "": "file"}
_SCHEMES = ("s3", "file", "gs", "abfs", "abfss")


def normal(location: str, field: str = "storage_location") -> str:
    """The one spelling of a location: no final slash, one scheme for each store.

    Args:
        field: what names it, for the error.

    Raises:
        InvalidInput: it is no absolute URL or path, goes up, or has an empty or odd part.
    """
    if len(location) > _LONGEST:
        raise InvalidInput(f"{field} has more than {_LONGEST} characters")
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise InvalidInput(f"{field} {location!r} is no location: {error}") from error
    scheme = _ALIASES.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    if scheme not in _SCHEMES:
        raise InvalidInput(
            f"{field} {location!r} is in no store that is known",
            hint=f"begin with one of: {', '.join(f'{scheme}://' for scheme in _SCHEMES)}",
        )
    if scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise InvalidInput(f"{field} {location!r} must be an absolute path without a host")
    if scheme != "file" and not _BUCKET.fullmatch(parts.netloc):
        raise InvalidInput(f"{field} {location!r} names no bucket that there can be")
    if parts.query or parts.fragment or _odd(path):
        raise InvalidInput(f"{field} {location!r} must be a plain path: no '.', '..', '//', '?'")
    return f"{scheme}://{parts.netloc}{path}"


def outside_managed(location: str, field: str = "storage_location") -> str:
    """``location``, in its one spelling, if a caller may name it.

    Raises:
        InvalidInput: as ``normal``; or it is within what the catalog manages.
    """
    location = normal(location, field)
    if MANAGED_FOLDER in location.split("/"):
        raise InvalidInput(f"{field} {location!r} is within managed storage")
    return location


def above(location: str) -> Iterator[str]:
    """The location and all that it is in, up to its bucket."""
    scheme, rest = location.split("://", 1)
    parts = rest.split("/")
    for length in range(len(parts), 0, -1):
        yield f"{scheme}://{'/'.join(parts[:length])}"


def _odd(path: str) -> bool:
    parts = path.split("/")[1:]
    return any(part in ("", ".", "..") for part in parts) or any(
        ord(char) < 32 or char in "\\\x7f" for char in path
    )
