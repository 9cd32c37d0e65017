"""A record on its way through Kafka to Spark; suites that tests run get this file as it is."""

import confluent_kafka


def produced_and_read(spark, kafka, topic):
    """The values that Spark finds in an empty topic after one record was sent to it.

    Args:
        spark: a session.
        kafka: the fixture of that name.
    """
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topic, b"click")
    assert producer.flush(30) == 0
    records = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap_servers_for_spark)
        .option("subscribe", topic)
        .load()
    )
    return [bytes(row.value) for row in records.collect()]
