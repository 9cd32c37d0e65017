"""What everything in the cache shares: one writer at a time, and knowing a file by its bytes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock

from spark_platform.kernel.errors import CommandFailed, Terminal, TimedOut
from spark_platform.kernel.files import write_atomically

__all__ = [
    "Fingerprint",
    "as_recorded",
    "disk_full_explained",
    "exclusive",
    "read_json",
    "record",
    "sha256_of",
]

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Fingerprint:
    """How a file looked when its bytes were last read.

    Attributes:
        size_bytes, mtime_ns: what ``stat`` said; while both stay, so does the hash.
        sha256: the hash of the content, in hex.
    """

    size_bytes: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        """Read the file once.

        Raises:
            FileNotFoundError: it is not there.
        """
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, sha256_of(path))

    def describes(self, path: Path) -> bool:
        """Whether the file still looks the same; costs one ``stat``, reads nothing."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size_bytes, self.mtime_ns)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one where the file is absent or damaged.

    Only for records that can be made again from the files they describe.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def record(path: Path, **facts: str) -> None:
    """Write down in ``<name>.json`` beside a file how it looks, with more to know of it."""
    document = {"fingerprint": asdict(Fingerprint.of(path)), **facts}
    write_atomically(path.with_suffix(".json"), json.dumps(document))


def as_recorded(path: Path) -> bool:
    """Whether a file is there with the content that ``record`` saw."""
    document = read_json(path.with_suffix(".json"))
    if not document:
        return False
    known = Fingerprint(**document["fingerprint"])
    if known.describes(path):
        return True
    try:
        return sha256_of(path) == known.sha256
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def exclusive(
    path: Path, *, purpose: str, timeout_s: float, on_wait: Callable[[str], None]
) -> Iterator[None]:
    """Be the only process inside this block.

    The lock is the kernel's (flock), so a holder that is killed lets go at once.

    Args:
        path: the lock file; ``<path>.holder`` beside it says who is inside.
        purpose: what for; waiting processes are told.
        timeout_s: seconds to wait for the present holder.
        on_wait: called once with the holder's description when there is something to wait for.

    Raises:
        TimedOut: names the lock and its holder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_name(f"{path.name}.holder")
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        on_wait(_described(holder))
        try:
            lock.acquire(timeout=timeout_s)
        except filelock.Timeout:
            raise TimedOut(
                f"gave up after {timeout_s:g} s waiting for the lock {path}, "
                f"held by {_described(holder)}",
                hint="let that process finish, or end it, then try again",
            ) from None
    try:
        write_atomically(holder, json.dumps({"pid": os.getpid(), "purpose": purpose}))
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            holder.unlink()
        lock.release()


def _described(holder: Path) -> str:
    record = read_json(holder)
    if not record:
        return "another process"
    return f"process {record['pid']} ({record['purpose']})"


@contextlib.contextmanager
def disk_full_explained(folder: Path) -> Iterator[None]:
    """Turn a full disk, met by us or by a command we ran, into an error that says so.

    Raises:
        Terminal: the disk of ``folder`` is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _disk_full(folder) from error
    except CommandFailed as error:
        if "No space left on device" not in error.output:
            raise
        raise _disk_full(folder) from error


def _disk_full(folder: Path) -> Terminal:
    return Terminal(
        f"no space left on the disk of {folder}",
        hint="an engine takes about 1 GB: free some space, or let SPARK_TESTKIT_CACHE_DIR name a "
        "folder on another disk; what has arrived is kept",
    )
