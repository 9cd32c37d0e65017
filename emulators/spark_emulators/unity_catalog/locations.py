"""Where this server may read, write and remove files: in the stores of its storage roots.

Clients name the files that the catalog opens and removes, and by default nobody proves who they
are. Without these limits any of them could have it touch whatever its process can reach.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from urllib.parse import urlsplit

from pyiceberg.table.metadata import TableMetadata

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Locations", "check_metadata", "places_in"]

_FILE = "file"
# names of one scheme: writers choose by the library they use
_ALIASES = {"": _FILE, "s3a": "s3", "s3n": "s3"}
_PATH_PROPERTIES = (
    "write.metadata.path",
    "write.data.path",
    "write.object-storage.path",
    "write.folder-storage.path",
)


class Locations:
    """The locations that are allowed.

    A local file must be below a root that is a local folder. Elsewhere the scheme decides: what
    of a store can be reached is up to the store's keys.

    Args:
        roots: the catalogs' storage roots.

    Raises:
        InvalidInput: nothing can be stored at one of them.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple(roots)
        places = [_root_place(root) for root in self._roots]
        self._schemes = {scheme for scheme, _ in places}
        self._folders = [path for _, path in places if path is not None]

    def check(self, location: str) -> None:
        """Raise InvalidInput where ``location`` is not allowed."""
        if not self._allows(location):
            raise InvalidInput(
                f"location {location!r} is outside this catalog's storage: {', '.join(self._roots)}"
            )

    def _allows(self, location: str) -> bool:
        try:
            scheme, path = _place(location)
        except ValueError:
            return False
        if path is None:
            return scheme in self._schemes
        return any(path.is_relative_to(folder) for folder in self._folders)


def check_metadata(
    allowed: Locations, metadata: TableMetadata, base: TableMetadata | None = None
) -> None:
    """Raise InvalidInput where a table names a location that is not allowed.

    Args:
        base: the table before a commit; what it names has been checked.
    """
    known = set(_named_in(base)) if base is not None else set()
    for location in sorted(set(_named_in(metadata)) - known):
        allowed.check(location)


def places_in(metadata: TableMetadata) -> Iterator[str]:
    """Where a table's files go: its location, and what its properties name."""
    yield metadata.location
    for key in _PATH_PROPERTIES:
        if key in metadata.properties:
            yield metadata.properties[key]


def _named_in(metadata: TableMetadata) -> Iterator[str]:
    yield from places_in(metadata)
    yield from (snapshot.manifest_list for snapshot in metadata.snapshots)
    yield from (file.statistics_path for file in metadata.statistics)
    yield from (file.statistics_path for file in metadata.partition_statistics)
    yield from (entry.metadata_file for entry in metadata.metadata_log)


def _root_place(root: str) -> tuple[str, PurePath | None]:
    try:
        return _place(root)
    except ValueError as error:
        raise InvalidInput(
            f"storage_root {root!r} is no place for files: {error}",
            hint="an absolute path, or a URL such as file:///folder or s3://bucket",
        ) from error


def _place(location: str) -> tuple[str, PurePath | None]:
    """The scheme of a location and, if it is local, the file that opening it would reach.

    What is checked must be what pyiceberg opens, see ``PyArrowFileIO.parse_location``. It decodes
    no percent sign; a host becomes the beginning of a relative path; and without a scheme a
    location is a path as a whole, "?" and "#" included.

    Raises:
        ValueError: no file may be there.
    """
    parts = urlsplit(location)
    scheme = _ALIASES.get(parts.scheme, parts.scheme)
    if scheme != _FILE:
        return scheme, None
    path = parts.path if parts.scheme else location
    if parts.netloc or not path.startswith("/"):
        raise ValueError("the path must be absolute, and without a host")
    if ".." in path.split("/"):
        # some follow symbolic links before they go up, some after; on the way folders are made
        raise ValueError("the path must not go up")
    return scheme, PurePath(os.path.realpath(path))
