"""Connectors that work once a configuration names them: Delta Lake and OpenLineage."""

import json

import pytest

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.connect import end_session, open_session
from spark_testkit.engine import engine_specs
from spark_testkit.service import ServiceRequest
from spark_testkit.stack import Stack

ICEBERG = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"


def connectors_conf(events):
    return {
        "spark.sql.extensions": f"{ICEBERG},io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.extraListeners": "io.openlineage.spark.agent.OpenLineageSparkListener",
        "spark.openlineage.transport.type": "file",
        "spark.openlineage.transport.location": str(events),
    }


@pytest.mark.parametrize("engine", engine_specs())
def test_delta_and_openlineage_of_every_engine(settings, tmp_path, engine):
    events = tmp_path / "lineage.json"
    server = ServiceRequest.of("spark-connect", engine=engine, conf=connectors_conf(events))
    with Stack("connectors", settings=settings) as stack:
        spark = open_session(stack.up(server)["spark-connect"]["SPARK_REMOTE"])
        try:
            table = "s3a://unity/delta/numbers"
            spark.range(5).write.format("delta").save(table)
            spark.sql(f"delete from delta.`{table}` where id > 2")
            assert sorted(row.id for row in spark.read.format("delta").load(table).collect()) == [
                0,
                1,
                2,
            ]
            before = spark.read.format("delta").option("versionAsOf", 0).load(table)
            assert before.count() == 5
            # the catalog beside it is untouched
            spark.sql("create schema unity.plain")
            spark.sql("create table unity.plain.numbers as select 1 AS id")
            assert spark.table("unity.plain.numbers").count() == 1
        finally:
            end_session(spark)

        def written_to():
            lines = events.read_text().splitlines() if events.exists() else []
            return {
                output["name"] for line in lines for output in json.loads(line).get("outputs", [])
            }

        def reported():
            if not any("delta/numbers" in name for name in written_to()):
                raise NotYet(f"lineage knows of {written_to()}")

        poll(reported, what="the write to be in the lineage", timeout_s=60)
