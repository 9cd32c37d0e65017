"""Tests on each engine, with the one client that is installed."""

import pytest
from kafka_clicks import produced_and_read

from spark_fixtures import assert_df_equal

ENGINES = [
    pytest.param(version, marks=pytest.mark.sparktk(engine=version))
    for version in ("4.1", "4.0", "3.5")
]


@pytest.mark.parametrize("version", ENGINES)
def test_an_engine_reads_and_writes_s3_and_iceberg(spark, schema, s3_bucket, version):
    assert spark.version.startswith(version)
    rows = spark.createDataFrame([(1, "a"), (2, "b")], "id int, name string")
    rows.write.csv(f"s3a://{s3_bucket}/rows")
    back = spark.read.csv(f"s3a://{s3_bucket}/rows", "id int, name string")
    back.writeTo(f"{schema}.t").partitionedBy("name").create()
    spark.sql(
        f"MERGE INTO {schema}.t AS t USING (SELECT 2 AS id, 'c' AS name) AS s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT *"
    )
    assert_df_equal(spark.table(f"{schema}.t"), [(1, "a"), (2, "c")])
    assert spark.sql("SELECT :wanted AS x", args={"wanted": 5}).first()["x"] == 5


@pytest.mark.parametrize("version", ENGINES)
def test_an_engine_reads_kafka(spark, kafka, kafka_topic, version):
    assert produced_and_read(spark, kafka, kafka_topic) == [b"click"]


def test_a_python_udf_runs_in_this_python(spark):
    import sys

    spark.udf.register("python_release", lambda: ".".join(map(str, sys.version_info[:2])))
    release = spark.sql("SELECT python_release()").first()[0]
    assert release == ".".join(map(str, sys.version_info[:2]))
