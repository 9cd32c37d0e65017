"""A small engine out of a local repository, and a process that installs it.

Run as a script it is that process: it installs, printing each progress line, and waits for its
standard input to close after the first jar when it is told to stall.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from spark_testkit.engine import Progress, cds, install, installer, kafka
from spark_testkit.engine.catalogue import Coordinate
from spark_testkit.engine.jars import JarStore
from spark_testkit.engine.lockfile import LockedJar
from spark_testkit.engine.pyspark_home import SparkHome
from spark_testkit.settings import Settings

JARS = (
    *(Coordinate("org.example", name, "1.0") for name in ("alpha", "beta")),
    Coordinate("org.example", "gamma", "1.0", "shaded"),
)


def environment_home() -> SparkHome:
    """The pyspark these tests run with, whichever it is."""
    return SparkHome(
        Path(str(importlib.metadata.distribution("pyspark").locate_file("pyspark"))), ()
    )


def make_repository(root: Path) -> tuple[LockedJar, ...]:
    """Write a Maven-shaped repository of small jars; returns its lock."""
    locked = []
    for coordinate in JARS:
        folder = root / coordinate.group.replace(".", "/") / coordinate.artifact / "1.0"
        folder.mkdir(parents=True)
        path = folder / coordinate.file_name
        with zipfile.ZipFile(path, "w") as jar:
            jar.writestr("name.txt", coordinate.artifact)
        content = path.read_bytes()
        locked.append(LockedJar(coordinate, hashlib.sha256(content).hexdigest(), len(content)))
    return tuple(locked)


def locked_of(root: Path) -> tuple[LockedJar, ...]:
    """The lock of a repository that ``make_repository`` wrote."""
    locked = []
    for coordinate in JARS:
        content = next(root.rglob(coordinate.file_name)).read_bytes()
        locked.append(LockedJar(coordinate, hashlib.sha256(content).hexdigest(), len(content)))
    return tuple(locked)


@contextmanager
def small_engine(repository: Path, locked: tuple[LockedJar, ...]) -> Iterator[None]:
    """Let ``install`` make an engine of that repository's jars, without an archive."""
    store = functools.partial(JarStore, repository=repository.as_uri())

    with (
        mock.patch.object(installer, "read_lock", return_value=locked),
        mock.patch.object(installer, "JarStore", store),
        mock.patch.object(installer, "find_spark_home", return_value=environment_home()),
        mock.patch.object(cds, "find_archive", return_value=None),
        mock.patch.object(cds, "ensure_archive", return_value=None),
    ):
        yield


@contextmanager
def small_kafka(repository: Path, locked: tuple[LockedJar, ...]) -> Iterator[None]:
    """Let ``install_kafka`` take that repository's jars for Kafka's."""
    store = functools.partial(JarStore, repository=repository.as_uri())

    with (
        mock.patch.object(kafka, "read_kafka_lock", return_value=locked),
        mock.patch.object(kafka, "JarStore", store),
        mock.patch.object(kafka, "find_spark_home", return_value=environment_home()),
    ):
        yield


def main(repository: Path, cache_dir: Path, stalls: bool) -> None:
    def report(progress: Progress) -> None:
        sys.stdout.write(f"{progress.step} {progress.done}/{progress.total}\n")
        sys.stdout.flush()
        if stalls and progress.done == 1:
            sys.stdin.read()

    with small_engine(repository, locked_of(repository)):
        install("4.1", Settings(cache_dir, cache_dir), progress=report, environ=os.environ)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "stall")
