"""SPARK_HOME of an engine: the running environment's own pyspark, or a copy in the cache."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.errors import Terminal
from spark_testkit.engine.catalogue import EngineSpec
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.resources import resource

__all__ = ["SparkHome", "find_spark_home", "install_spark_home"]

_TIMEOUT_S = 1800
_SPARK_JAR = re.compile(r"pyspark/jars/[^/]+\.jar")


@dataclass(frozen=True)
class SparkHome:
    """An unpacked pyspark with Spark's jars in it.

    Attributes:
        path: what SPARK_HOME should be.
        python_path: what Python workers need on PYTHONPATH; nothing where the running
            environment's own pyspark is used.
    """

    path: Path
    python_path: tuple[Path, ...]

    @property
    def jars(self) -> tuple[Path, ...]:
        """Spark's own jars, in class path order."""
        return tuple(sorted((self.path / "jars").glob("*.jar")))

    @property
    def ivy_program(self) -> Path:
        """The Ivy inside it.

        Raises:
            Terminal: this pyspark has none.
        """
        for jar in self.jars:
            if jar.name.startswith("ivy-"):
                return jar
        raise Terminal(f"{self.path / 'jars'} has no ivy-*.jar to fetch connectors with")


def find_spark_home(spec: EngineSpec, cache_dir: Path) -> SparkHome | None:
    """The engine's SPARK_HOME if it is already on this machine, whole."""
    return _of_environment(spec) or _of_cache(spec, cache_dir)


def _of_environment(spec: EngineSpec) -> SparkHome | None:
    # pyspark-client is another distribution: same package, no jars
    try:
        distribution = importlib.metadata.distribution("pyspark")
    except importlib.metadata.PackageNotFoundError:
        return None
    home = Path(str(distribution.locate_file("pyspark")))
    if distribution.version != spec.pyspark or not (home / "jars").is_dir():
        return None
    return SparkHome(home, ())


def _site(spec: EngineSpec, cache_dir: Path) -> Path:
    return cache_dir / "engines" / f"pyspark-{spec.pyspark}"


def _of_cache(spec: EngineSpec, cache_dir: Path) -> SparkHome | None:
    site = _site(spec, cache_dir)
    home = site / "pyspark"
    if not _whole(site / f"pyspark-{spec.pyspark}.dist-info" / "RECORD", site):
        return None
    return SparkHome(home, (site, *sorted((home / "python" / "lib").glob("py4j-*.zip"))))


def _whole(record: Path, site: Path) -> bool:
    """Whether every jar that the wheel's RECORD lists has its size there."""
    try:
        with record.open(encoding="utf-8", newline="") as file:
            jars = [row for row in csv.reader(file) if _SPARK_JAR.fullmatch(row[0])]
        return bool(jars) and all(
            (site / name).stat().st_size == int(size) for name, _, size in jars
        )
    except FileNotFoundError:
        return False


def install_spark_home(spec: EngineSpec, cache_dir: Path, progress: OnProgress) -> SparkHome:
    """Put the engine's pyspark into the cache. Only the holder of the cache's lock may call this.

    Raises:
        CommandFailed: it could not be fetched or built.
        Terminal: what was installed is not whole.
    """
    import uv

    site = _site(spec, cache_dir)
    partial = site.with_name(f"{site.name}.partial")
    for leftover in (partial, site):
        shutil.rmtree(leftover, ignore_errors=True)
    progress(Progress("pyspark", f"installing pyspark {spec.pyspark}, about 30 s", 0, 1))
    partial.parent.mkdir(parents=True, exist_ok=True)
    process.run(
        [
            uv.find_uv_bin(),
            "pip",
            "install",
            "--python",
            sys.executable,
            "--target",
            str(partial),
            "--no-deps",
            "--require-hashes",
            "--link-mode",
            "copy",
            "-r",
            str(resource(f"images/locks/pyspark-{spec.pyspark}.txt")),
        ],
        timeout_s=_TIMEOUT_S,
        on_line=lambda line: progress(Progress("pyspark", line.strip(), 0, 1)),
        dies_with_caller=True,
    )
    os.replace(partial, site)
    progress(Progress("pyspark", f"pyspark {spec.pyspark}", 1, 1))
    home = _of_cache(spec, cache_dir)
    if home is None:
        raise Terminal(f"pyspark {spec.pyspark} was installed into {site}, yet it is not whole")
    return home
