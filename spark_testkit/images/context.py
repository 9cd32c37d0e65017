"""A build's context as a tar whose bytes depend on nothing but names, contents and modes.

The builder caches a COPY by what it copies; a Java archive of classes remembers the times of its
jars. So the same files give the same tar, whoever made them, whenever.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Entry", "folder_entries", "write_context"]

# 1 January 1980: what zip files, and so some tools, take for the earliest time
_TIME_S = 315532800


@dataclass(frozen=True)
class Entry:
    """One file or folder of a context.

    Attributes:
        path: relative to the context's root, with forward slashes.
        content: bytes, or the file that has them; None makes an empty folder.
        executable: whether it may be run.
    """

    path: str
    content: bytes | Path | None
    executable: bool = False

    def under(self, folder: str) -> Entry:
        """The same entry, in a folder."""
        path = f"{folder}/{self.path}" if folder else self.path
        return Entry(path, self.content, self.executable)


def folder_entries(folder: Path, *, without: Iterable[str] = ()) -> Iterator[Entry]:
    """Every file under a folder, but for what Python compiled and the names in ``without``.

    Shell scripts may be run whatever the file's mode is: an installed wheel does not keep modes.
    """
    left_out = {"__pycache__", *without}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not left_out.intersection(relative.parts):
            runs = path.suffix == ".sh" or bool(path.stat().st_mode & 0o100)
            yield Entry(relative.as_posix(), path, runs)


def write_context(entries: Iterable[Entry], output: IO[bytes]) -> None:
    """Write the tar: sorted, all of root's, all of one time.

    Raises:
        InvalidInput: two entries have one path, or a path leaves the context.
    """
    by_path: dict[str, Entry] = {}
    for entry in entries:
        parts = entry.path.split("/")
        if not entry.path or ".." in parts or "" in parts or "." in parts:
            raise InvalidInput(f"a file of a build's context cannot be called {entry.path!r}")
        if entry.path in by_path:
            raise InvalidInput(f"two files of a build's context are called {entry.path!r}")
        by_path[entry.path] = entry
    folders = {
        "/".join(path.split("/")[:depth])
        for path in by_path
        for depth in range(1, path.count("/") + 1)
    }
    if clash := folders & {path for path, entry in by_path.items() if entry.content is not None}:
        raise InvalidInput(f"{min(clash)!r} is both a file and a folder of a build's context")
    everything = [*by_path.values(), *(Entry(path, None) for path in folders - by_path.keys())]
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for entry in sorted(everything, key=lambda each: each.path):
            _add(tar, entry)


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mtime = _TIME_S
    if entry.content is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
        return
    info.mode = 0o755 if entry.executable else 0o644
    if isinstance(entry.content, bytes):
        info.size = len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))
        return
    with entry.content.open("rb") as file:
        info.size = entry.content.stat().st_size
        tar.addfile(info, file)
