"""Files that other processes read while we write them, and folders only their owner may read."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["private_folder", "write_atomically"]


def private_folder(path: Path) -> Path:
    """Make ``path`` (and its parents) and close it to everybody but its owner (mode 0700)."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o600) -> Path:
    """Replace ``path`` in one step: a reader sees the old file or the new one, never half of it.

    Args:
        mode: permission bits of the new file; only the owner by default.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    return path
