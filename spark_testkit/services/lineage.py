"""What makes a Spark tell the stack's catalog where its tables come from."""

from __future__ import annotations

from collections.abc import Mapping

from spark_testkit.service import PlanContext

__all__ = ["TELLING", "lineage_conf", "lineage_to"]

TELLING = ("spark-connect", "emr", "gateway", "runner")
"""The kinds of service that take option ``lineage``."""


def lineage_conf(context: PlanContext) -> dict[str, str]:
    """What a service's Spark needs, where its option ``lineage`` asks for it."""
    if not context.request.options.get("lineage", False):
        return {}
    return lineage_to(context.peers["unity-catalog"].for_peers())


def lineage_to(variables: Mapping[str, str]) -> dict[str, str]:
    """What makes Spark report to a catalog.

    Args:
        variables: of the catalog, as Spark reaches it.
    """
    return {
        "spark.extraListeners": "io.openlineage.spark.agent.OpenLineageSparkListener",
        "spark.openlineage.transport.type": "http",
        "spark.openlineage.transport.url": variables["UNITY_CATALOG_URI"],
    }
