"""A look at what the job has made, from anywhere that SPARK_REMOTE leads from.

::

    python -m coreetl_flights.results --schema unity.flights
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

T = TypeVar("T")


@dataclass
class Steps:
    """What was done, one after the other.

    Attributes:
        steps: seconds per step, in order.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do ``work`` and note how long it took."""
        started = time.monotonic()
        result = work()
        seconds = round(time.monotonic() - started, 2)
        self.steps.append({"name": name, "seconds": seconds})
        print(f"{name}: {seconds:.2f} s", file=sys.stderr, flush=True)
        return result


@dataclass
class Results(Steps):
    """What is in the tables; the first step has the way to a driver in it.

    Attributes:
        flights_by_origin: rows of the enriched table, per airport.
        tables: rows, data files and snapshots, per table.
        correction: cancelled flights in the first snapshot, and now.
        daily_delays: the worst days, for people.
    """

    flights_by_origin: dict[str, int] = field(default_factory=dict)
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    correction: dict[str, int] = field(default_factory=dict)
    daily_delays: list[dict[str, Any]] = field(default_factory=list)


def look(spark: SparkSession, schema: str = "unity.flights") -> Results:
    """Ask the tables of ``schema``."""
    results = Results()
    enriched, daily = f"{schema}.flights_enriched", f"{schema}.daily_delays"
    results.step("first answer", lambda: spark.sql("SELECT 1").collect())
    results.flights_by_origin = results.step(
        "flights by origin", lambda: by_origin(spark, enriched)
    )
    results.tables = results.step(
        "tables", lambda: {table: figures(spark, table) for table in (enriched, daily)}
    )
    results.correction = results.step("snapshots", lambda: _correction(spark, enriched))
    results.daily_delays = results.step("worst days", lambda: worst_days(spark, daily))
    return results


def by_origin(spark: SparkSession, table: str) -> dict[str, int]:
    """Flights of the enriched table, per airport."""
    rows = spark.table(table).groupBy("origin").count().orderBy("origin").collect()
    return {row["origin"]: row["count"] for row in rows}


def figures(spark: SparkSession, table: str) -> dict[str, int]:
    """Rows, data files and snapshots of a table."""
    # clients of Spark 3.5 count in numpy's numbers
    return {
        "rows": int(spark.table(table).count()),
        "files": int(spark.table(f"{table}.files").count()),
        "snapshots": int(spark.table(f"{table}.snapshots").count()),
    }


def cancelled(reader: Any, table: str) -> int:
    """Cancelled flights of the enriched table, as a reader sees it."""
    return int(reader.table(table).where("cancelled").count())


def worst_days(spark: SparkSession, table: str) -> list[dict[str, Any]]:
    """The five worst days of the daily aggregate."""
    worst = spark.table(table).orderBy(F.desc("mean_dep_delay"), "origin").limit(5).collect()
    return [row.asDict() for row in worst]


def _correction(spark: SparkSession, table: str) -> dict[str, int]:
    first = spark.table(f"{table}.snapshots").orderBy("committed_at").first()
    before = spark.read.option("versionAsOf", str(first["snapshot_id"]))
    return {
        "cancelled_before": cancelled(before, table),
        "cancelled_after": cancelled(spark.read, table),
    }


def main() -> None:
    """Look, by the Spark that SPARK_REMOTE names."""
    parser = argparse.ArgumentParser(prog="coreetl_flights.results", description=__doc__)
    parser.add_argument("--schema", default="unity.flights", help="where the tables are")
    parser.add_argument("--report", type=Path, help="write the report here as JSON")
    arguments = parser.parse_args()
    spark = SparkSession.builder.getOrCreate()
    if token := os.environ.get("UNITY_CATALOG_TOKEN"):
        # who this session is, where the catalog asks
        catalog = arguments.schema.partition(".")[0]
        spark.conf.set(f"spark.sql.catalog.{catalog}.token", token)
    text = json.dumps(asdict(look(spark, arguments.schema)), indent=2, default=str)
    spark.stop()
    if arguments.report:
        arguments.report.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
