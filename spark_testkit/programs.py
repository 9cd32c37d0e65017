"""Servers that exist as Go source only: built once (``make minio``, ``make gcs``), then found.

A program built into the cache wins over one on PATH: its version is the one that was tested.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from spark_testkit.settings import Settings

__all__ = ["FAKE_GCS_SERVER", "MINIO", "GoProgram"]


@dataclass(frozen=True)
class GoProgram:
    """A program of one Go module.

    Attributes:
        name: its file's name.
        title: what people call it.
        module: the Go module it is built from.
        target: the Makefile's target that builds it into the cache.
    """

    name: str
    title: str
    module: str
    target: str

    def built(self, settings: Settings) -> Path | None:
        """The one in the cache, if there is one."""
        path = settings.cache_dir / "bin" / self.name
        return path if os.access(path, os.X_OK) else None

    def find(self, settings: Settings) -> Path | None:
        """The one in the cache, else the one on PATH."""
        found = self.built(settings) or shutil.which(self.name)
        return Path(found) if found else None

    def version(self, settings: Settings) -> str | None:
        """The version of the one in the cache, as Go wrote it into it; None without one."""
        program = self.built(settings)
        if program is None:
            return None
        content = program.read_bytes()
        found = re.search(rb"mod\t" + re.escape(self.module.encode()) + rb"\t(v\S+)\t", content)
        return found[1].decode() if found else hashlib.sha256(content).hexdigest()[:12]


MINIO = GoProgram("minio", "MinIO", "github.com/minio/minio", "minio")
FAKE_GCS_SERVER = GoProgram(
    "fake-gcs-server", "fake-gcs-server", "github.com/fsouza/fake-gcs-server", "gcs"
)
