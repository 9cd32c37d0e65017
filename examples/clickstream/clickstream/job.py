"""The job: all clicks that wait in a Kafka topic → an Iceberg table, each exactly once.

It takes what is there and ends; run again, also after it was killed, it goes on where it was. The
checkpoint knows which records a batch has, and Iceberg's commit of a batch carries its number: one
that is tried again is not written again.

    eval "$(spark-testkit env)"
    python -m clickstream.job --servers "$SPARK_KAFKA_BOOTSTRAP_SERVERS" --topic clicks \\
        --table unity.web.clicks --checkpoint s3a://unity/checkpoints/clicks
"""

from __future__ import annotations

import argparse

from pyspark.sql import SparkSession

from clickstream.transforms import clicks


def run(spark: SparkSession, servers: str, topic: str, table: str, checkpoint: str) -> None:
    """Append the topic's new clicks to the table.

    Args:
        servers: Kafka's bootstrap servers, as Spark reaches them.
        checkpoint: a folder of this job's own, on S3.
    """
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .load()
    )
    query = (
        clicks(records)
        .writeStream.option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .toTable(table)
    )
    query.awaitTermination()


def main() -> None:
    """Run the job on the Spark that SPARK_REMOTE names."""
    parser = argparse.ArgumentParser(prog="clickstream.job")
    for name in ("servers", "topic", "table", "checkpoint"):
        parser.add_argument(f"--{name}", required=True)
    spark = SparkSession.builder.appName("clickstream").getOrCreate()
    run(spark, **vars(parser.parse_args()))
    spark.stop()


if __name__ == "__main__":
    main()
