"""Metadata files in object storage: read through a cache, written, removed."""

from __future__ import annotations

import gzip
import logging
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from pyiceberg.io import FileIO, load_file_io
from pyiceberg.table.metadata import TableMetadata

from spark_emulators.unity_catalog.iceberg.metadata import dump, parse
from spark_emulators.unity_catalog.locations import Locations
from spark_platform.kernel.errors import InvalidInput, Transient

__all__ = ["Storage", "TableVersion"]

_LOG = logging.getLogger(__name__)
_CACHED_FILES = 256
_REMOVERS = 8
_GZIP_SUFFIXES = (".gz.metadata.json", ".metadata.json.gz")
_VERSION = re.compile(r"v?(\d+)[-.].*metadata\.json.*")
_SECRET_KEY = re.compile(r"key|secret|token|password|credential|signature", re.IGNORECASE)


@dataclass(frozen=True)
class TableVersion:
    """One state of a table.

    Attributes:
        metadata: what the table is.
        location: the file that says so; None while nothing is written (a staged table).
    """

    metadata: TableMetadata
    location: str | None


class Storage:
    """The only one who opens files.

    Args:
        properties: pyiceberg FileIO properties, secrets included. A table's own properties never
            join them: they are written by clients, and could name code to load.
        allowed: where files may be.
    """

    def __init__(self, properties: Mapping[str, str], allowed: Locations) -> None:
        self.allowed = allowed
        self._properties = dict(properties)
        self._secrets = [
            value for key, value in properties.items() if _SECRET_KEY.search(key) and value
        ]
        self._file_ios: dict[str, FileIO] = {}
        self._cache = _Cache(_CACHED_FILES)
        self._lock = threading.Lock()

    def io(self, location: str) -> FileIO:
        """The FileIO for ``location``'s scheme, with its connections.

        Raises:
            InvalidInput: no file there is this catalog's business.
        """
        self.allowed.check(location)
        scheme = urlsplit(location).scheme
        with self._lock:
            if scheme not in self._file_ios:
                self._file_ios[scheme] = load_file_io(dict(self._properties), location)
            return self._file_ios[scheme]

    def read(self, location: str) -> TableVersion:
        """The table state in a metadata file.

        Raises:
            InvalidInput: it is not there, or is no table metadata this catalog can keep.
            Transient: storage does not answer, or not to us.
        """
        metadata = self._cache.get(location)
        if metadata is None:
            metadata = parse(self.read_text(location))
            self._cache.put(location, metadata)
        return TableVersion(metadata, location)

    def write_next(self, metadata: TableMetadata, previous: str | None) -> TableVersion:
        """Write ``metadata`` to a file of its own.

        Args:
            previous: the file it succeeds; None for a new table.

        Raises:
            InvalidInput: the table's location is nowhere a file can be.
            Transient: storage does not answer, or not to us.
        """
        folder = metadata.properties.get("write.metadata.path", f"{metadata.location}/metadata")
        location = self.write_text(folder, dump(metadata), previous)
        self._cache.put(location, metadata)
        return TableVersion(metadata, location)

    def read_text(self, location: str) -> str:
        """The text of a metadata file.

        Raises:
            InvalidInput: it is not there, or is no text.
            Transient: storage does not answer, or not to us.
        """
        with self._translated("read", location):
            with self.io(location).new_input(location).open() as file:
                content = file.read()
            if location.endswith(_GZIP_SUFFIXES):
                content = gzip.decompress(content)
            text: str = content.decode()
        return text

    def write_text(self, folder: str, text: str, previous: str | None) -> str:
        """Write a metadata file of its own into a folder; returns where it is. Raises: as above."""
        name = f"{_next_number(previous):05d}-{uuid.uuid4()}.metadata.json"
        location = f"{folder.rstrip('/')}/{name}"
        with (
            self._translated("write", location),
            # The name is unique, so there is nothing to look for first.
            self.io(location).new_output(location).create(overwrite=True) as file,
        ):
            file.write(text.encode())
        return location

    def remove(self, locations: Iterable[str]) -> None:
        """Remove files as far as possible; what cannot be removed is logged, not raised."""
        with ThreadPoolExecutor(_REMOVERS) as removers:
            for _ in removers.map(self._remove, locations):
                pass

    def _remove(self, location: str) -> None:
        try:
            self.io(location).delete(location)
        except FileNotFoundError:
            return
        except Exception as error:
            _LOG.warning("cannot remove %s: %s", location, self._redacted(error))

    @contextmanager
    def _translated(self, verb: str, location: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, ValueError) as error:
            raise InvalidInput(f"cannot {verb} {location}: {self._redacted(error)}") from None
        except OSError as error:
            raise Transient(f"cannot {verb} {location}: {self._redacted(error)}") from None

    def _redacted(self, error: BaseException) -> str:
        text = f"{type(error).__name__}: {error}"
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class _Cache:
    """The most recently used metadata. A metadata file never changes, so neither does an entry."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[str, TableMetadata] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, location: str) -> TableMetadata | None:
        with self._lock:
            if location in self._entries:
                self._entries.move_to_end(location)
            return self._entries.get(location)

    def put(self, location: str, metadata: TableMetadata) -> None:
        with self._lock:
            self._entries[location] = metadata
            self._entries.move_to_end(location)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)


def _next_number(previous: str | None) -> int:
    match = _VERSION.fullmatch(previous.rsplit("/", 1)[-1]) if previous else None
    return int(match.group(1)) + 1 if match else 0
