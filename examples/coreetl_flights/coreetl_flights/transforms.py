"""DataFrame in, DataFrame out: no reading, no writing, so each is a unit test's size."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

WEATHER_COLUMNS = ("temp", "humid", "wind_speed", "precip", "visib")
PLANE_COLUMNS = ("type", "manufacturer", "model", "engines", "seats")


def enrich(
    flights: DataFrame,
    planes: DataFrame,
    weather: DataFrame,
    airlines: DataFrame,
    airports: DataFrame,
) -> DataFrame:
    """One row per flight, with its plane, its airline, its destination and its hour's weather.

    Every flight stays, also where the plane or the hour is unknown.
    """
    plane = planes.select("tailnum", F.col("year").alias("plane_year"), *PLANE_COLUMNS)
    hour = weather.select("origin", "time_hour", *WEATHER_COLUMNS)
    airline = airlines.select("carrier", F.col("name").alias("airline"))
    destination = airports.select(F.col("faa").alias("dest"), F.col("name").alias("destination"))
    return (
        flights.withColumn("flight_date", F.make_date("year", "month", "day"))
        .withColumn("cancelled", F.col("dep_time").isNull())
        .join(F.broadcast(plane), "tailnum", "left")
        .join(F.broadcast(hour), ["origin", "time_hour"], "left")
        .join(F.broadcast(airline), "carrier", "left")
        .join(F.broadcast(destination), "dest", "left")
    )


def daily_delays(enriched: DataFrame) -> DataFrame:
    """Flights, cancellations and mean delays in minutes, per airport and day."""
    return enriched.groupBy("origin", "flight_date").agg(
        F.count("*").alias("flights"),
        F.count_if("cancelled").alias("cancelled"),
        F.round(F.avg("dep_delay"), 2).alias("mean_dep_delay"),
        F.round(F.avg("arr_delay"), 2).alias("mean_arr_delay"),
    )
