"""The raw files' columns, spelled out: inferring them costs a pass and depends on the data."""

FLIGHTS = """
    year INT, month INT, day INT, dep_time INT, sched_dep_time INT, dep_delay DOUBLE,
    arr_time INT, sched_arr_time INT, arr_delay DOUBLE, carrier STRING, flight INT,
    tailnum STRING, origin STRING, dest STRING, air_time DOUBLE, distance DOUBLE,
    hour INT, minute INT, time_hour TIMESTAMP
"""
WEATHER = """
    origin STRING, year INT, month INT, day INT, hour INT, temp DOUBLE, dewp DOUBLE,
    humid DOUBLE, wind_dir DOUBLE, wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE,
    pressure DOUBLE, visib DOUBLE, time_hour TIMESTAMP
"""
PLANES = """
    tailnum STRING, year INT, type STRING, manufacturer STRING, model STRING,
    engines INT, seats INT, speed DOUBLE, engine STRING
"""
AIRLINES = "carrier STRING, name STRING"
AIRPORTS = """
    faa STRING, name STRING, lat DOUBLE, lon DOUBLE, alt DOUBLE, tz DOUBLE, dst STRING,
    tzone STRING
"""
CORRECTIONS = """
    carrier STRING, flight INT, origin STRING, time_hour TIMESTAMP,
    dep_delay DOUBLE, arr_delay DOUBLE
"""

RAW = {
    "flights": FLIGHTS,
    "weather": WEATHER,
    "planes": PLANES,
    "airlines": AIRLINES,
    "airports": AIRPORTS,
    "corrections": CORRECTIONS,
}
