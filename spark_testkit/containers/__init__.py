"""Testcontainers of what a stack has, for suites that build their own surroundings."""

from __future__ import annotations

from spark_testkit.containers.kafka import KafkaContainer
from spark_testkit.containers.minio import MinioContainer
from spark_testkit.containers.spark import SparkContainer
from spark_testkit.containers.unity_catalog import UnityCatalogContainer

__all__ = ["KafkaContainer", "MinioContainer", "SparkContainer", "UnityCatalogContainer"]
