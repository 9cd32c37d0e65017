"""The Kafka broker on disk: locked jars in the store that engines share, and a Java to run them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_testkit.engine.catalogue import KafkaSpec, engine_spec, kafka_spec
from spark_testkit.engine.installer import installing
from spark_testkit.engine.jars import JarStore
from spark_testkit.engine.java import Java, find_java
from spark_testkit.engine.lockfile import read_kafka_lock
from spark_testkit.engine.progress import OnProgress, silent
from spark_testkit.engine.pyspark_home import find_spark_home, install_spark_home
from spark_testkit.settings import Settings

__all__ = ["Kafka", "install_kafka"]


@dataclass(frozen=True)
class Kafka:
    """A broker that can be started now.

    Attributes:
        spec: what it was made from.
        jars: the class path, in order.
        java: what runs it.
    """

    spec: KafkaSpec
    jars: tuple[Path, ...]
    java: Java


def install_kafka(
    settings: Settings,
    *,
    progress: OnProgress = silent,
    environ: Mapping[str, str] | None = None,
) -> Kafka:
    """The broker, fetched where it is absent or damaged.

    Args:
        progress: told what happens, from this thread.
        environ: where Java is looked for; the process's own environment when None.

    Raises:
        Missing: no Java that will do.
        TimedOut: another process has been installing for too long.
        Terminal: a jar with the wrong content, a full disk, a failed download.
    """
    spec, cache_dir = kafka_spec(), settings.cache_dir
    environ = os.environ if environ is None else environ
    java = find_java(spec.java_minimum, environ=environ, cache_dir=cache_dir)
    locked = read_kafka_lock()
    store = JarStore(cache_dir)
    if store.wanting(locked):
        with installing(f"Kafka {spec.version}", cache_dir, progress):
            # for its Ivy: Kafka comes with nothing to be fetched with
            engine = engine_spec()
            home = find_spark_home(engine, cache_dir) or install_spark_home(
                engine, cache_dir, progress
            )
            store.heal(locked, java=java, ivy_program=home.ivy_program, progress=progress)
    return Kafka(spec, tuple(store.path(jar.coordinate) for jar in locked), java)
