"""Kafka to an Iceberg table by Spark's structured streaming: exactly once, whatever is killed."""

import contextlib
import os
import signal

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.connect import end_session, open_session
from spark_testkit.services import s3
from spark_testkit.stack import Stack

TABLE = "unity.web.events"
CHECKPOINT = "checkpoints/events"
BATCH = 20


class Site:
    """A stack with a topic, and a stream from that into a table."""

    def __init__(self, stack):
        self.stack = stack
        exports = stack.up("spark-connect", "kafka")
        kafka = exports["kafka"]
        self.spark_url = exports["spark-connect"]["SPARK_REMOTE"]
        self.servers_for_spark = kafka["SPARK_KAFKA_BOOTSTRAP_SERVERS"]
        self.store = exports["s3"]
        self.client = {"bootstrap.servers": kafka["KAFKA_BOOTSTRAP_SERVERS"]}
        admin = AdminClient(self.client)
        admin.create_topics([NewTopic("events", 2)])["events"].result(30)

    def produce(self, numbers):
        producer = Producer(self.client)
        for number in numbers:
            producer.produce("events", str(number))
        assert producer.flush(30) == 0

    @contextlib.contextmanager
    def session(self):
        session = open_session(self.spark_url)
        try:
            yield session
        finally:
            end_session(session)

    def stream(self, spark, batch, **trigger):
        records = (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self.servers_for_spark)
            .option("subscribe", "events")
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", batch)
            .load()
        )
        return (
            records.selectExpr("cast(cast(value AS string) AS int) AS number")
            .writeStream.option("checkpointLocation", f"s3a://unity/{CHECKPOINT}")
            .trigger(**trigger)
            .toTable(TABLE)
        )

    def finish(self):
        """Stream what waits; returns the table's numbers and how many commits they took."""
        with self.session() as spark:
            self.stream(spark, 10 * BATCH, availableNow=True).awaitTermination()
            numbers = sorted(row.number for row in spark.table(TABLE).collect())
            return numbers, spark.table(f"{TABLE}.snapshots").count()

    def kill_spark(self):
        if server := self.stack._folder.processes().get("spark-connect"):
            os.kill(server.pid, signal.SIGKILL)
            return
        with Daemon() as daemon:
            (container,) = [
                each
                for each in daemon.client.containers.list()
                if each.name.endswith(f"-{self.stack.name}-spark-connect")
            ]
            container.kill()

    def forget_last_commit(self):
        """Leave the checkpoint as a kill does that comes between Iceberg's commit and its own."""
        client = s3.client(self.store)
        listed = client.list_objects_v2(Bucket="unity", Prefix=f"{CHECKPOINT}/commits/")
        batches = [each["Key"] for each in listed["Contents"]]
        batches = [key for key in batches if key.rpartition("/")[2].isdigit()]
        last = max(batches, key=lambda key: int(key.rpartition("/")[2]))
        client.delete_object(Bucket="unity", Key=last)
        client.close()


@pytest.fixture
def site(settings, provider):
    with Stack("streaming", settings=settings, provider=provider) as stack:
        yield Site(stack)


def test_every_record_is_in_the_table_once(site):
    site.produce(range(400))
    with site.session() as spark:
        spark.sql("create schema unity.web")
        site.stream(spark, BATCH, processingTime="0 seconds")

        def some_are_there():
            if spark.table(TABLE).count() < 2 * BATCH:
                raise NotYet("no two batches yet")

        poll(some_are_there, what="the stream to be under way", timeout_s=120)
        site.kill_spark()

    site.stack.up("spark-connect")
    with site.session() as spark:
        assert 2 * BATCH <= spark.table(TABLE).count() < 400
    site.produce(range(400, 440))
    numbers, commits = site.finish()
    assert numbers == list(range(440))

    site.forget_last_commit()
    assert site.finish() == (numbers, commits)
