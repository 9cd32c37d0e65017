"""HTTP in and out for lineage: OpenLineage's endpoint and Databricks' ``lineage-tracking``."""
