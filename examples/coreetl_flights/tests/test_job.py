"""The job itself, on a few lines of CSV: real S3, real Iceberg tables."""

import pytest
from coreetl_flights.job import run
from coreetl_flights.schemas import RAW

FLIGHTS = """\
2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z
2013,1,1,NA,529,NA,NA,830,NA,UA,1714,N24211,LGA,IAH,NA,1416,5,29,2013-01-01T10:00:00Z
2013,2,1,542,540,2,923,850,33,AA,1141,NA,JFK,MIA,160,1089,5,40,2013-02-01T10:00:00Z
"""
CORRECTIONS = "UA,1714,LGA,2013-01-01T10:00:00Z,95,80\n"


def header(name):
    return ",".join(column.split()[0] for column in RAW[name].split(",")) + "\n"


@pytest.fixture
def raw(s3, s3_bucket):
    """The raw files in a bucket of this test's own."""
    rows = {"flights": FLIGHTS, "corrections": CORRECTIONS}
    for name in RAW:
        body = header(name) + rows.get(name, "")
        s3.client.put_object(Bucket=s3_bucket, Key=f"{name}.csv", Body=body.encode())
    return f"s3a://{s3_bucket}"


def test_the_job_writes_corrects_and_looks_back(spark, schema, raw):
    report = run(spark, raw, schema)

    assert report.rows_in["flights"] == 3
    assert report.flights_by_origin == {"EWR": 1, "JFK": 1, "LGA": 1}
    assert report.correction == {"late_rows": 1, "cancelled_before": 1, "cancelled_after": 0}
    assert report.tables[f"{schema}.flights_enriched"]["snapshots"] == 2


def test_running_the_job_again_gives_the_same_tables(spark, schema, raw):
    run(spark, raw, schema)
    again = run(spark, raw, schema)

    assert again.flights_by_origin == {"EWR": 1, "JFK": 1, "LGA": 1}
    assert again.tables[f"{schema}.daily_delays"]["rows"] == 3
