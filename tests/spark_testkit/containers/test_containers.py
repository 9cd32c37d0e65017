"""Testcontainers: one container with everything, or one for each."""

import os
import signal
import subprocess
import sys

import pytest

from spark_platform.kernel.errors import Conflict, InvalidInput, Missing, Terminal
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit import (
    KafkaContainer,
    MinioContainer,
    SparkContainer,
    UnityCatalogContainer,
)
from spark_testkit.containers.base import owner_of_this_process

pytestmark = pytest.mark.usefixtures("docker_stack_images", "nothing_left")


@pytest.fixture
def nothing_left(held_by):
    yield
    assert held_by(owner_of_this_process()) == set()


def test_one_container_has_spark_a_catalog_and_an_s3():
    from pyiceberg.catalog import load_catalog
    from pyspark.sql import SparkSession

    from spark_testkit.services import s3

    made = (
        SparkContainer("4.1")
        .with_driver_memory(1500)
        .with_spark_config("spark.sql.shuffle.partitions", 3)
        .with_packages("iceberg", "s3")
    )
    with made as spark:
        session = SparkSession.builder.remote(spark.get_spark_connect_url()).create()
        assert session.conf.get("spark.sql.shuffle.partitions") == "3"
        assert session.conf.get("spark.driver.memory") == "1500m"
        session.sql("CREATE SCHEMA unity.db")
        session.sql("CREATE TABLE unity.db.t AS SELECT 7 AS n")
        session.stop()
        assert spark.get_session().table("unity.db.t").first()["n"] == 7
        exports = spark.exports()
        client = s3.client(exports)
        assert client.list_objects_v2(Bucket="unity", Prefix="db/t")["KeyCount"] > 0
        client.close()
        catalog = load_catalog(
            "unity",
            type="rest",
            uri=exports["ICEBERG_REST_URI"],
            warehouse="unity",
            **{
                "s3.endpoint": spark.get_s3_url(),
                "s3.access-key-id": exports["AWS_ACCESS_KEY_ID"],
                "s3.secret-access-key": exports["AWS_SECRET_ACCESS_KEY"],
            },
        )
        assert catalog.load_table("db.t").scan().to_arrow().to_pylist() == [{"n": 7}]


def test_separate_containers_are_wired_to_each_other():
    with MinioContainer() as minio, UnityCatalogContainer(minio) as catalog:
        with SparkContainer().with_unity_catalog(catalog) as spark:
            session = spark.get_session()
            session.sql("CREATE SCHEMA unity.db")
            session.sql("CREATE TABLE unity.db.t AS SELECT 7 AS n")
            assert spark.get_s3_url() == minio.get_s3_url()
            assert spark.get_unity_catalog_url() == catalog.get_unity_catalog_url()
        client = minio.get_client()
        assert client.list_objects_v2(Bucket="unity", Prefix="db/t")["KeyCount"] > 0
        client.close()


def test_spark_reads_what_clients_wrote_to_kafka():
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic

    with KafkaContainer() as kafka, SparkContainer() as spark:
        clients = {"bootstrap.servers": kafka.get_bootstrap_server()}
        admin = AdminClient(clients)
        admin.create_topics([NewTopic("clicks", 1)])["clicks"].result(30)
        producer = confluent_kafka.Producer(clients)
        producer.produce("clicks", b"click")
        assert producer.flush(30) == 0
        records = (
            spark.get_session()
            .read.format("kafka")
            .option("kafka.bootstrap.servers", kafka.get_bootstrap_server_for_containers())
            .option("subscribe", "clicks")
            .load()
        )
        assert [bytes(row.value) for row in records.collect()] == [b"click"]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: SparkContainer("9.9"), "'9.9' is not known"),
        (lambda: SparkContainer().with_engine("9.9"), "'9.9' is not known"),
        (lambda: SparkContainer().with_spark_config("shuffle", 1), "must start with `spark.`"),
        (lambda: SparkContainer().with_driver_memory(0), "a number of MiB, not 0"),
        (lambda: SparkContainer().with_packages("oracle"), "no connector 'oracle'"),
        (lambda: SparkContainer(mem_limit="1g").start(), "heap of 1024 MiB, and 512 MiB beside"),
        (lambda: SparkContainer().with_s3(MinioContainer()), "is not started"),
        (lambda: UnityCatalogContainer(MinioContainer()), "is not started"),
    ],
)
def test_what_makes_no_sense_is_refused(ask, words):
    with pytest.raises(InvalidInput) as caught:
        ask()
    assert words in caught.value.message


def test_an_image_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(Missing, match="no image spark-testkit-no-such-image:1") as caught:
        SparkContainer(image="spark-testkit-no-such-image:1").start()
    assert "spark-testkit images build" in caught.value.hint


def test_a_name_that_is_taken_is_a_conflict(containers, platform):
    with (
        containers.made(platform, "sleep", "60", name="spark-testkit-tests-taken"),
        pytest.raises(Conflict, match="spark-testkit-tests-taken"),
    ):
        MinioContainer(name="spark-testkit-tests-taken").start()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: SparkContainer().with_spark_config("spark.master", "nonsense"),
            "Could not parse Master URL",
        ),
        (lambda: MinioContainer(access_key="a"), "Invalid credentials"),
    ],
)
def test_a_container_that_ends_at_once_says_its_last_words(make, words):
    with pytest.raises(Terminal) as caught, make():
        pass
    assert "ended while it started" in caught.value.message
    assert words in caught.value.message


def test_what_the_user_copies_in_is_there():
    made = SparkContainer().with_copy_into_container(b"mine", "/opt/spark/work-dir/mine.txt")
    with made as spark:
        assert spark.exec(["cat", "/opt/spark/work-dir/mine.txt"]).output == b"mine"


KILLED = """
import sys
from spark_testkit import MinioContainer
from spark_testkit.containers.base import owner_of_this_process
MinioContainer().start()
print(owner_of_this_process(), flush=True)
sys.stdin.read()
"""


def test_containers_end_with_a_killed_process(held_by):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        owner = process.stdout.readline().decode().strip()
        assert held_by(owner)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()

    def gone():
        if left := held_by(owner):
            raise NotYet(str(left))

    poll(gone, what="the containers to follow", timeout_s=20)
