"""Real Spark, S3 and Iceberg tables on one laptop: engines, stacks and the CLI."""

from __future__ import annotations

from spark_testkit.stack import Stack

__all__ = ["Stack"]
