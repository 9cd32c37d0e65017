"""Maintainers' command: ``python -m spark_testkit.engine.lock VERSION`` writes an engine's lock.

It resolves the connectors of ``images/engines.toml`` with all they need, leaves out what Spark
itself ships, and commits names, versions, hashes and sizes. With ``kafka`` in place of a version it
does the same for the broker. Users never resolve: they fetch exactly this.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.catalogue import Coordinate, EngineSpec, engine_spec, kafka_spec
from spark_testkit.engine.ivy import Ivy
from spark_testkit.engine.java import Java, find_java
from spark_testkit.engine.lockfile import KAFKA_LOCK, LockedJar, format_lock
from spark_testkit.engine.progress import Progress
from spark_testkit.engine.pyspark_home import SparkHome, find_spark_home, install_spark_home
from spark_testkit.engine.storage import sha256_of
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

__all__ = ["main", "shipped_modules"]

_JAR_NAME = re.compile(r"(?P<artifact>.+?)-\d.*\.jar")


def shipped_modules(jar_names: Sequence[str]) -> tuple[str, ...]:
    """Exclusions, one for each artifact that the jars of a Spark already bring.

    Args:
        jar_names: file names such as ``netty-common-4.2.7.Final.jar``.
    """
    matches = (_JAR_NAME.fullmatch(name) for name in jar_names)
    return tuple(sorted({f"*:{match['artifact']}" for match in matches if match}))


def _lock_pyspark(spec: EngineSpec) -> None:
    import uv

    flags = ("--quiet", "--no-deps", "--no-header", "--no-annotate", "--generate-hashes")
    with tempfile.TemporaryDirectory() as folder:
        wanted = write_atomically(Path(folder) / "wanted.txt", f"pyspark=={spec.pyspark}")
        requirement = process.run(
            [uv.find_uv_bin(), "pip", "compile", *flags, "--python", sys.executable, str(wanted)]
        )
    write_atomically(
        resource("images/locks") / f"pyspark-{spec.pyspark}.txt", requirement, mode=0o644
    )


def _lock_jars(spec: EngineSpec, home: SparkHome, java: Java) -> None:
    wanted = sorted({jar for group in spec.connectors.values() for jar in group})
    excluded = (*spec.provided, *shipped_modules([jar.name for jar in home.jars]))
    _write(f"{spec.version}.lock", _resolved(home, java, wanted, excluded))
    if spec.guard_compiler:
        compiler = _resolved(home, java, [spec.guard_compiler], ())
        _write(f"{spec.version}-guard.lock", compiler)


def _resolved(
    home: SparkHome, java: Java, wanted: Sequence[Coordinate], excluded: Sequence[str]
) -> str:
    with tempfile.TemporaryDirectory() as folder:
        ivy = Ivy(java, home.ivy_program, Path(folder))
        locked = [
            LockedJar(coordinate, sha256_of(path), path.stat().st_size)
            for coordinate, path in ivy.resolve(wanted, excluded)
        ]
    return format_lock(locked)


def _write(name: str, text: str) -> None:
    write_atomically(resource("images/locks") / name, text, mode=0o644)
    sys.stdout.write(text)


def main(arguments: Sequence[str]) -> int:
    """Write the locks of one engine, or Kafka's."""
    parser = argparse.ArgumentParser(prog="python -m spark_testkit.engine.lock")
    parser.add_argument("version", help=f"an engine of images/engines.toml, or {KAFKA_LOCK}")
    settings = Settings.from_env(os.environ)
    try:
        version = parser.parse_args(arguments).version
        # Kafka has no Ivy of its own to be fetched with
        spec = engine_spec(None if version == KAFKA_LOCK else version)
        home = find_spark_home(spec, settings.cache_dir) or install_spark_home(
            spec, settings.cache_dir, _print
        )
        java = find_java(spec.java_minimum, environ=os.environ, cache_dir=settings.cache_dir)
        if version == KAFKA_LOCK:
            _write(f"{KAFKA_LOCK}.lock", _resolved(home, java, kafka_spec().jars, ()))
            return 0
        _lock_pyspark(spec)
        _lock_jars(spec, home, java)
    except PlatformError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _print(progress: Progress) -> None:
    sys.stderr.write(f"{progress.step}: {progress.detail}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
