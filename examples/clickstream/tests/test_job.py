"""The job on real Kafka, real S3 and a real Iceberg table."""

import json

import pytest
from clickstream.job import run
from confluent_kafka import Producer

NOON = "2026-01-01T12:00:00Z"


@pytest.fixture
def produce(kafka, kafka_topic):
    """Puts records into this test's topic."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

    def produce(*values):
        for value in values:
            producer.produce(kafka_topic, value)
        assert producer.flush(30) == 0

    return produce


@pytest.fixture
def job(spark, kafka, kafka_topic, schema, s3_bucket):
    """Runs the job; returns the users of all clicks that its table has then."""

    def job():
        table = f"{schema}.clicks"
        servers = kafka.bootstrap_servers_for_spark
        run(spark, servers, kafka_topic, table, f"s3a://{s3_bucket}/checkpoint")
        return sorted(row.user for row in spark.table(table).collect())

    return job


def click(user):
    return json.dumps({"user": user, "page": "/", "at": NOON})


def test_each_run_adds_what_is_new(job, produce):
    produce(click("ann"), click("bob"))
    assert job() == ["ann", "bob"]
    assert job() == ["ann", "bob"]
    produce(click("cid"))
    assert job() == ["ann", "bob", "cid"]


def test_what_is_no_click_is_left_out(job, produce):
    produce("not JSON", json.dumps({"user": "ann"}), click("bob"))
    assert job() == ["bob"]
