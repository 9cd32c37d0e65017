"""The job: raw CSV files on S3 → ``flights_enriched`` and ``daily_delays`` in ``unity.flights``.

Run it against any Spark that knows the catalog ``unity``::

    eval "$(spark-testkit env)"
    python -m coreetl_flights.data flights-raw
    python -m coreetl_flights.job --raw s3a://flights-raw
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coreetl_flights.results import Steps, by_origin, cancelled, figures, worst_days
from coreetl_flights.schemas import RAW
from coreetl_flights.transforms import daily_delays, enrich

MERGE = """
    MERGE INTO {table} AS flight
    USING late_corrections AS late
       ON flight.carrier = late.carrier AND flight.flight = late.flight
      AND flight.origin = late.origin AND flight.time_hour = late.time_hour
    WHEN MATCHED THEN UPDATE SET
         dep_delay = late.dep_delay, arr_delay = late.arr_delay, cancelled = false
"""


@dataclass
class Report(Steps):
    """What a run did.

    Attributes:
        rows_in: rows read, per raw file.
        flights_by_origin: rows of the enriched table, per airport.
        tables: rows, data files and snapshots, per table.
        correction: cancelled flights before and after the late correction.
        daily_delays: the worst days, for people.
    """

    rows_in: dict[str, int] = field(default_factory=dict)
    flights_by_origin: dict[str, int] = field(default_factory=dict)
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    correction: dict[str, int] = field(default_factory=dict)
    daily_delays: list[dict[str, Any]] = field(default_factory=list)


def run(spark: SparkSession, raw: str, schema: str = "unity.flights") -> Report:
    """Read the raw files under ``raw``, write both tables in ``schema``, correct, look back."""
    report = Report()
    enriched, daily = f"{schema}.flights_enriched", f"{schema}.daily_delays"
    files = read_raw(spark, raw)
    report.rows_in = report.step("read the raw files", lambda: _count(files))
    report.step("write flights_enriched", lambda: write_enriched(spark, files, enriched))
    report.step("write daily_delays", lambda: write_daily(spark, enriched, daily))
    before = _snapshot(spark, enriched)
    report.step("merge the late correction", lambda: correct(spark, files, enriched))
    report.correction = report.step(
        "read the earlier snapshot",
        lambda: {
            "late_rows": report.rows_in["corrections"],
            "cancelled_before": cancelled(spark.read.option("versionAsOf", before), enriched),
            "cancelled_after": cancelled(spark.read, enriched),
        },
    )
    report.step("summarise", lambda: _summarise(spark, report, enriched, daily))
    return report


def read_raw(spark: SparkSession, raw: str) -> dict[str, DataFrame]:
    """The raw files, by name."""
    return {
        name: spark.read.csv(f"{raw}/{name}.csv", schema=columns, header=True, nullValue="NA")
        for name, columns in RAW.items()
    }


def write_enriched(spark: SparkSession, files: Mapping[str, DataFrame], table: str) -> None:
    """Create or replace the enriched table, partitioned by airport and month."""
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS {table.rpartition('.')[0]}")
    rows = enrich(
        files["flights"], files["planes"], files["weather"], files["airlines"], files["airports"]
    )
    # Spark 3.5 has it beside the other functions
    months = getattr(F, "partitioning", F).months("flight_date")
    rows.writeTo(table).partitionedBy("origin", months).createOrReplace()


def write_daily(spark: SparkSession, enriched: str, table: str) -> None:
    """Create or replace the daily aggregate."""
    daily_delays(spark.table(enriched)).writeTo(table).createOrReplace()


def correct(spark: SparkSession, files: Mapping[str, DataFrame], table: str) -> None:
    """Merge the late corrections into the enriched table."""
    files["corrections"].createOrReplaceTempView("late_corrections")
    spark.sql(MERGE.format(table=table))


def _count(files: Mapping[str, DataFrame]) -> dict[str, int]:
    return {name: int(file.count()) for name, file in files.items()}


def _snapshot(spark: SparkSession, table: str) -> str:
    history = spark.table(f"{table}.history").orderBy(F.desc("made_current_at"))
    return str(history.first()["snapshot_id"])


def _summarise(spark: SparkSession, report: Report, *tables: str) -> None:
    enriched, daily = tables
    report.flights_by_origin = by_origin(spark, enriched)
    report.tables = {table: figures(spark, table) for table in tables}
    report.daily_delays = worst_days(spark, daily)


@dataclass(frozen=True)
class _Arguments:
    raw: str
    schema: str
    report: Path | None


def _arguments() -> _Arguments:
    parser = argparse.ArgumentParser(prog="coreetl_flights.job", description=__doc__)
    parser.add_argument("--raw", required=True, help="where the raw CSV files are: s3a://bucket")
    parser.add_argument("--schema", default="unity.flights", help="where the tables go")
    parser.add_argument("--report", type=Path, help="write the report here as JSON")
    return _Arguments(**vars(parser.parse_args()))


def main() -> None:
    """Run the job on the Spark that SPARK_REMOTE names."""
    arguments = _arguments()
    spark = SparkSession.builder.appName("coreetl-flights").getOrCreate()
    report = json.dumps(asdict(run(spark, arguments.raw, arguments.schema)), indent=2, default=str)
    spark.stop()
    if arguments.report:
        arguments.report.write_text(report)
    else:
        print(report)


if __name__ == "__main__":
    main()
