"""Kafka's fixtures as a suite meets them."""

import inspect

import kafka_clicks
import pytest
from stacks import folders_of

TOPICS = """
    import confluent_kafka
    from confluent_kafka.admin import AdminClient

    def test_a_topic_of_its_own(kafka, kafka_topic):
        producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(kafka_topic, b"click")
        assert producer.flush(30) == 0
        topic = producer.list_topics(kafka_topic, timeout=30).topics[kafka_topic]
        assert len(topic.partitions) == 2

    def test_that_deletes_it_itself(sparktk_kafka, sparktk_kafka_topic):
        admin = AdminClient({"bootstrap.servers": sparktk_kafka.bootstrap_servers})
        admin.delete_topics([sparktk_kafka_topic])[sparktk_kafka_topic].result(30)

    def test_nothing_is_left(kafka):
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        assert not [name for name in admin.list_topics(timeout=30).topics if "test-" in name]
"""
READ = """
    from kafka_clicks import produced_and_read

    def test_spark_reads_it(spark, kafka, kafka_topic):
        assert produced_and_read(spark, kafka, kafka_topic) == [b"click"]
"""


def test_a_topic_for_each_test(suite, settings):
    suite(test_topics=TOPICS).assert_outcomes(passed=3)
    assert folders_of(settings) == []


def test_a_topic_for_each_test_in_containers(suite, settings, docker_stack_images):
    files = {"kafka_clicks": inspect.getsource(kafka_clicks), "test_read": READ}
    result = suite("--sparktk-provider=docker", test_topics=TOPICS, **files)
    result.assert_outcomes(passed=4)
    assert folders_of(settings) == []


@pytest.mark.parametrize("for_spark", [None, "kafka:1"])
def test_remote_kafka_may_have_another_address_for_spark(suite, settings, monkeypatch, for_spark):
    monkeypatch.delenv("SPARK_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    env = {"KAFKA_BOOTSTRAP_SERVERS": "broker:1"}
    if for_spark:
        env["SPARK_KAFKA_BOOTSTRAP_SERVERS"] = for_spark
    result = suite(
        "--sparktk-provider=remote",
        env=env,
        test_addresses=f"""
        def test_addresses(kafka):
            assert kafka.bootstrap_servers == "broker:1"
            assert kafka.bootstrap_servers_for_spark == {for_spark or "broker:1"!r}
        """,
    )
    result.assert_outcomes(passed=1)
