"""Real Spark, S3 and Iceberg tables on one laptop: engines, stacks, containers and the CLI."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spark_testkit.stack import Stack

if TYPE_CHECKING:
    from spark_testkit.containers import (
        KafkaContainer,
        MinioContainer,
        SparkContainer,
        UnityCatalogContainer,
    )

__all__ = [
    "KafkaContainer",
    "MinioContainer",
    "SparkContainer",
    "Stack",
    "UnityCatalogContainer",
]


def __getattr__(name: str) -> Any:
    # what speaks to Docker is imported by those who want containers
    if name in __all__:
        return getattr(importlib.import_module("spark_testkit.containers"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
