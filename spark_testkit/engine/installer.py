"""Make an engine ready: pyspark, connectors, guard and CDS archive, each once per machine.

The usual call finds everything in place: a few hundred ``stat`` calls, no JVM, no lock. Only
what is absent, stale or damaged is made again, by one process at a time per cache folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from spark_testkit.engine import cds
from spark_testkit.engine.catalogue import EngineSpec, engine_spec
from spark_testkit.engine.guard import Guard, guard_of
from spark_testkit.engine.jars import JarStore
from spark_testkit.engine.java import Java, find_java
from spark_testkit.engine.lockfile import LockedJar, read_lock
from spark_testkit.engine.model import Engine
from spark_testkit.engine.progress import OnProgress, Progress, silent
from spark_testkit.engine.pyspark_home import SparkHome, find_spark_home, install_spark_home
from spark_testkit.engine.storage import disk_full_explained, exclusive
from spark_testkit.settings import Settings

__all__ = ["install", "installing", "is_installed"]

# an install on a slow line; whoever waits longer than that waits for a process that hangs
_LOCK_TIMEOUT_S = 1800.0


def is_installed(version: str | None, settings: Settings) -> bool:
    """Whether ``install`` would have nothing to fetch. Java or a CDS archive may still be wanting.

    Raises:
        InvalidInput: no such engine.
    """
    spec = engine_spec(version)
    locked = read_lock(spec.version)
    guard = guard_of(spec, locked, settings.cache_dir)
    return _present(spec, locked, guard, settings.cache_dir) is not None


def install(
    version: str | None,
    settings: Settings,
    *,
    progress: OnProgress = silent,
    environ: Mapping[str, str] | None = None,
    retry_archive: bool = False,
) -> Engine:
    """The engine, made ready where it is not.

    Args:
        version: such as ``4.1``; the default engine when None.
        progress: told what happens, from this thread.
        environ: where Java is looked for; the process's own environment when None.
        retry_archive: build the CDS archive also where building it has failed before.

    Raises:
        InvalidInput: no such engine.
        Missing: no Java that will do.
        TimedOut: another process has been installing for too long.
        Terminal: a jar with the wrong content, a full disk, a failed download.
    """
    spec = engine_spec(version)
    cache_dir = settings.cache_dir
    java = find_java(
        spec.java_minimum,
        environ=os.environ if environ is None else environ,
        cache_dir=cache_dir,
    )
    locked = read_lock(spec.version)
    guard = guard_of(spec, locked, cache_dir)
    home = _present(spec, locked, guard, cache_dir)
    if home is not None:
        engine = _guarded(_engine(spec, home, locked, java, cache_dir), guard)
        if archive := cds.find_archive(engine, cache_dir):
            return cds.with_archive(engine, archive)
        if not retry_archive and cds.has_failed(engine, cache_dir, progress):
            return engine
    with installing(f"engine {spec.version}", cache_dir, progress):
        home = find_spark_home(spec, cache_dir) or install_spark_home(spec, cache_dir, progress)
        store = JarStore(cache_dir)
        needed = (*locked, *(guard.compiler if guard else ()))
        store.heal(needed, java=java, ivy_program=home.ivy_program, progress=progress)
        engine = _engine(spec, home, locked, java, cache_dir)
        if guard:
            guard.ensure(engine.jars, java=java, store=store, progress=progress)
        engine = _guarded(engine, guard)
        archive = cds.ensure_archive(engine, cache_dir, progress, retry=retry_archive)
        return cds.with_archive(engine, archive)


@contextlib.contextmanager
def installing(what: str, cache_dir: Path, progress: OnProgress) -> Iterator[None]:
    """Be the only process that changes the cache.

    Args:
        what: for the processes that wait meanwhile.

    Raises:
        TimedOut: another process has been installing for too long.
        Terminal: the disk is full.
    """
    with (
        disk_full_explained(cache_dir),
        exclusive(
            cache_dir / "install.lock",
            purpose=f"installing {what}",
            timeout_s=_LOCK_TIMEOUT_S,
            on_wait=lambda holder: progress(Progress("wait", f"for {holder}", 0, 1)),
        ),
    ):
        yield


def _present(
    spec: EngineSpec, locked: tuple[LockedJar, ...], guard: Guard | None, cache_dir: Path
) -> SparkHome | None:
    home = find_spark_home(spec, cache_dir)
    needed = (*locked, *(guard.compiler if guard else ()))
    ready = home and not JarStore(cache_dir).wanting(needed) and (not guard or guard.is_ready())
    return home if ready else None


def _engine(
    spec: EngineSpec,
    home: SparkHome,
    locked: tuple[LockedJar, ...],
    java: Java,
    cache_dir: Path,
) -> Engine:
    store = JarStore(cache_dir)
    connectors = tuple(store.path(jar.coordinate) for jar in locked)
    return Engine(spec, home.path, (*home.jars, *connectors), java, None, home.python_path)


def _guarded(engine: Engine, guard: Guard | None) -> Engine:
    return dataclasses.replace(engine, jars=(*engine.jars, guard.jar)) if guard else engine
