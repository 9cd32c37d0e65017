"""What an installed engine is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spark_testkit.engine.catalogue import EngineSpec
from spark_testkit.engine.java import Java

__all__ = ["Engine"]


@dataclass(frozen=True)
class Engine:
    """A Spark that can be started now.

    Attributes:
        spec: what it was made from.
        spark_home: SPARK_HOME.
        jars: Spark's jars, then the connectors, then Connect's guard if it needs one: the class
            path, in order.
        java: what runs it.
        cds_archive: classes to map instead of loading; None where it could not be built.
        python_path: what Python workers need on PYTHONPATH beyond their own environment.
    """

    spec: EngineSpec
    spark_home: Path
    jars: tuple[Path, ...]
    java: Java
    cds_archive: Path | None
    python_path: tuple[Path, ...]
