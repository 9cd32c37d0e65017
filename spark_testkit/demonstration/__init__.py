"""The platform at work: a manifest becomes tables, and a query looks at them, hop by hop."""

from spark_testkit.demonstration.way import LINEAGE_OF, Demonstration, Hop, demonstrate

__all__ = ["LINEAGE_OF", "Demonstration", "Hop", "demonstrate"]
