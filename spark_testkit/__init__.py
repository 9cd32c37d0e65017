"""Real Spark, S3 and Iceberg tables on one laptop: engines, stacks, containers and the CLI."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spark_testkit.stack import Stack

if TYPE_CHECKING:
    from spark_testkit.clusters.faults import Faults
    from spark_testkit.containers import (
        KafkaContainer,
        MinioContainer,
        SparkContainer,
        UnityCatalogContainer,
    )

__all__ = [
    "Faults",
    "KafkaContainer",
    "MinioContainer",
    "SparkContainer",
    "Stack",
    "UnityCatalogContainer",
]


def __getattr__(name: str) -> Any:
    # what speaks to Docker or to Kubernetes is imported by those who want it
    if name in __all__:
        module = "clusters.faults" if name == "Faults" else "containers"
        return getattr(importlib.import_module(f"spark_testkit.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
