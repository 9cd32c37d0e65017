"""The lineage of a stack's tables: fetched from its catalog, drawn for people."""

from spark_testkit.lineage.drawing import mermaid, svg, tree
from spark_testkit.lineage.graph import Graph
from spark_testkit.lineage.source import LineageSource

__all__ = ["Graph", "LineageSource", "mermaid", "svg", "tree"]
