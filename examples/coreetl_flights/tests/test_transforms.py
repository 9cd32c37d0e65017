"""What the job computes, on a handful of rows."""

from coreetl_flights.schemas import AIRLINES, AIRPORTS, FLIGHTS, PLANES, WEATHER
from coreetl_flights.transforms import daily_delays, enrich
from pyspark.sql import functions as F


def table(spark, columns, *rows):
    """A DataFrame of ``columns`` in which the columns a row leaves out are null."""
    empty = spark.createDataFrame([], columns)
    full = [tuple(row.get(name) for name in empty.columns) for row in rows]
    return spark.createDataFrame(full, empty.schema)


def flight(**values):
    return {"year": 2013, "month": 1, "day": 1, "origin": "EWR", "carrier": "UA", **values}


def enriched(spark, *flights):
    return enrich(
        table(spark, FLIGHTS, *flights),
        table(spark, PLANES, {"tailnum": "N1", "year": 1999, "model": "737"}),
        table(spark, WEATHER),
        table(spark, AIRLINES, {"carrier": "UA", "name": "United"}),
        table(spark, AIRPORTS),
    )


def test_a_flight_with_an_unknown_plane_stays(spark):
    rows = enriched(spark, flight(tailnum="N1", dep_time=900), flight(tailnum="N?", dep_time=900))
    assert {row["tailnum"]: row["plane_year"] for row in rows.collect()} == {"N1": 1999, "N?": None}
    assert {row["airline"] for row in rows.collect()} == {"United"}


def test_a_flight_that_never_left_is_cancelled(spark):
    rows = enriched(spark, flight(dep_time=None, flight=1), flight(dep_time=900, flight=2))
    assert {row["flight"]: row["cancelled"] for row in rows.collect()} == {1: True, 2: False}


def test_delays_are_averaged_per_airport_and_day(spark):
    flights = table(
        spark,
        FLIGHTS,
        flight(day=1, dep_time=900, dep_delay=10.0, arr_delay=0.0),
        flight(day=1, dep_time=900, dep_delay=20.0, arr_delay=4.0),
        flight(day=2),
    ).withColumn("flight_date", F.make_date("year", "month", "day"))
    days = daily_delays(flights.withColumn("cancelled", F.col("dep_time").isNull()))
    assert [tuple(row) for row in days.drop("flight_date").orderBy("flight_date").collect()] == [
        ("EWR", 2, 0, 15.0, 2.0),
        ("EWR", 1, 1, None, None),
    ]
