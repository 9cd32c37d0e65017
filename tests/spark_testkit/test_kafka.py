"""The broker of a stack, asked by Kafka's own client."""

import dataclasses
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.ports import free_ports
from spark_testkit.service import Place, PlanContext, ServiceRequest
from spark_testkit.services.kafka import SERVICE, KafkaReadiness, cluster_id
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

TIMEOUT_S = 30


def test_no_cluster_is_named_like_an_option():
    names = [cluster_id() for _ in range(2000)]
    assert {len(name) for name in names} == {22}
    assert not [name for name in names if name.startswith("-")]


def test_a_container_has_a_door_for_this_machine_and_one_for_the_stack(settings):
    spec = SERVICE.plan(
        PlanContext(
            request=ServiceRequest.of("kafka"),
            folder=Path("/stack/services/kafka"),
            stack_folder=Path("/stack"),
            ports={"clients": 9092, "services": 20001, "controller": 20002},
            secrets={},
            peers={},
            settings=settings,
            place=Place(listen="0.0.0.0", host="kafka", container=True),
            published={"clients": 40000, "services": 40001, "controller": 40002},
        )
    )
    assert spec.exports == {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:40000",
        "SPARK_KAFKA_BOOTSTRAP_SERVERS": "kafka:20001",
    }
    assert (spec.ports, spec.listens) == ({"clients": 40000}, {"clients": 9092})
    assert spec.image == "kafka:latest"
    properties = spec.files[Path("/stack/services/kafka/server.properties")].splitlines()
    addresses = dict(line.split("=", 1) for line in properties if "listeners=" in line)
    assert addresses == {
        "listeners": "CLIENTS://0.0.0.0:9092,SERVICES://0.0.0.0:20001,CONTROLLER://127.0.0.1:20002",
        "advertised.listeners": "CLIENTS://127.0.0.1:40000,SERVICES://kafka:20001",
    }


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\x08\0\0\0\x07\0\0\0\0"])
def test_an_open_port_is_not_yet_a_broker(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(NotYet, match=r"hung up|knows no broker"):
            KafkaReadiness(f"127.0.0.1:{server.getsockname()[1]}").check()
        thread.join()
    with pytest.raises(NotYet, match="refused"):
        KafkaReadiness(f"127.0.0.1:{free_ports(1)[0]}").check()


@pytest.fixture(scope="module", params=["process", "docker"])
def servers(request, tmp_path_factory):
    """A broker of each provider, shared by this module's tests."""
    if request.param == "docker":
        request.getfixturevalue("docker_stack_images")
    state = tmp_path_factory.mktemp("state")
    settings = dataclasses.replace(Settings.from_env(os.environ), state_dir=state)
    with Stack("one", settings=settings, provider=request.param) as stack:
        yield stack.up("kafka")["kafka"]["KAFKA_BOOTSTRAP_SERVERS"]


def make_topic(servers, name):
    # it must outlive what it was asked
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(name, 2)])[name].result(TIMEOUT_S)


def produced(servers, topic, *values, **conf):
    """What became of each record: an error, or None."""
    fates = []
    producer = Producer({"bootstrap.servers": servers, **conf})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: fates.append(error))
    producer.flush(TIMEOUT_S)
    return fates


def consumed(servers, topic, count, **conf):
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            **conf,
        }
    )
    try:
        consumer.subscribe([topic])
        return sorted(_next(consumer) for _ in range(count))
    finally:
        consumer.close()


def _next(consumer):
    """The next record: an error that the client says it will mend itself is not the end."""

    def polled():
        message = consumer.poll(1)
        if message is None or (message.error() and message.error().retriable()):
            raise NotYet(str(message and message.error()))
        assert not message.error(), message.error()
        return message.value()

    return poll(polled, what="a record", timeout_s=TIMEOUT_S)


def test_a_topic_that_nobody_made_is_an_error(servers):
    (fate,) = produced(servers, "nobodys", b"x", **{"topic.metadata.propagation.max.ms": "0"})
    assert fate.code() in (KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART)
    admin = AdminClient({"bootstrap.servers": servers})
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC"):
        admin.delete_topics(["nobodys"])["nobodys"].result(TIMEOUT_S)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_groups_of_either_protocol_take_what_was_given(servers, protocol):
    topic = f"numbers-{protocol}"
    make_topic(servers, topic)
    assert produced(servers, topic, b"1", b"2", b"3") == [None] * 3
    found = consumed(servers, topic, 3, **{"group.id": protocol, "group.protocol": protocol})
    assert found == [b"1", b"2", b"3"]


def test_an_aborted_transaction_is_not_seen(servers):
    make_topic(servers, "orders")
    producer = Producer({"bootstrap.servers": servers, "transactional.id": "test"})
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    producer.produce("orders", b"aborted")
    producer.abort_transaction(TIMEOUT_S)
    producer.begin_transaction()
    producer.produce("orders", b"committed")
    producer.commit_transaction(TIMEOUT_S)
    assert consumed(servers, "orders", 1) == [b"committed"]


def test_a_killed_broker_comes_back_with_its_records(settings):
    stack = Stack("one", settings=settings)
    servers = stack.up("kafka")["kafka"]["KAFKA_BOOTSTRAP_SERVERS"]
    make_topic(servers, "kept")
    assert produced(servers, "kept", b"before") == [None]
    os.kill(stack._folder.processes()["kafka"].pid, signal.SIGKILL)
    assert stack.up("kafka")["kafka"]["KAFKA_BOOTSTRAP_SERVERS"] == servers
    assert produced(servers, "kept", b"after") == [None]
    assert consumed(servers, "kept", 2) == [b"after", b"before"]
