"""DataFrame in, DataFrame out: what becomes of Kafka's records."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CLICK = "user STRING, page STRING, at TIMESTAMP"


def clicks(records: DataFrame) -> DataFrame:
    """One row per click, with the place its record has in Kafka; what is no click is left out."""
    click = F.from_json(F.col("value").cast("string"), CLICK)
    return (
        records.select(click.alias("click"), "partition", "offset")
        .where("click.user IS NOT NULL AND click.page IS NOT NULL AND click.at IS NOT NULL")
        .select("click.*", "partition", "offset")
    )
