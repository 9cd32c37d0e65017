"""Kafka: one real broker that is its own controller (KRaft), as one JVM."""

from __future__ import annotations

import os
import socket
import struct
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel.wait import NotYet
from spark_testkit.engine import OnProgress, install_kafka
from spark_testkit.engine.catalogue import kafka_spec
from spark_testkit.engine.launcher import START_OPTIONS, quoted
from spark_testkit.resources import resource
from spark_testkit.service import TEMPORARY, PlanContext, Service, ServiceRequest, ServiceSpec
from spark_testkit.services.spark_jvm import properties_file
from spark_testkit.settings import Settings

__all__ = [
    "JARS_IN_IMAGE",
    "JAVA_IN_IMAGE",
    "SERVICE",
    "KafkaReadiness",
    "cluster_id",
    "java_arguments",
    "server_properties",
]

_HEAP_MIB = 256
# in the image, see images/kafka
JARS_IN_IMAGE = "/opt/kafka/jars/*"
JAVA_IN_IMAGE = "/opt/java/bin/java"
_ANSWERS_WITHIN_S = 5
_METADATA = 3


def plan(context: PlanContext) -> ServiceSpec:
    """A broker with two doors: one for clients on this machine, one for the stack's services.

    A client that has asked one door for the cluster's brokers is sent to that same door, so each
    must know the name by which its clients reach it. Where services are processes both lead to the
    same machine.
    """
    container = context.place.container
    # by number: librdkafka tries a `localhost` by IPv6 first, and complains about it
    clients = f"127.0.0.1:{(context.published or context.ports)['clients']}"
    services = context.inside("services")
    arguments, properties = context.folder / "java.args", context.folder / "server.properties"
    configuration = server_properties(
        listen=context.place.listen,
        ports=context.ports,
        advertised={"CLIENTS": clients, "SERVICES": services},
    )
    start = () if container else ("/bin/sh", str(resource("images/kafka/start.sh")))
    java, class_path = JAVA_IN_IMAGE, JARS_IN_IMAGE
    if not container:
        kafka = install_kafka(context.settings)
        java, class_path = str(kafka.java.binary), os.pathsep.join(map(str, kafka.jars))
    return ServiceSpec(
        name=context.request.name,
        argv=(*start, java, str(arguments), str(properties), cluster_id()),
        files={
            arguments: java_arguments(context.folder, class_path),
            properties: properties_file(configuration),
        },
        **context.port_fields("clients"),
        endpoint=clients,
        exports={
            "KAFKA_BOOTSTRAP_SERVERS": clients,
            "SPARK_KAFKA_BOOTSTRAP_SERVERS": services,
        },
        readiness=KafkaReadiness(clients),
        detail=f"Kafka {kafka_spec().version}",
        image=kafka_spec().image if container else "",
        heap_mib=_HEAP_MIB,
    )


def server_properties(
    *, listen: str, ports: Mapping[str, int], advertised: Mapping[str, str]
) -> dict[str, str]:
    """The configuration of a broker that is alone: nothing is replicated, nothing waits for peers.

    Args:
        listen: the address to bind.
        ports: ``clients``, ``services`` and ``controller``.
        advertised: listener → ``host:port`` by which its clients reach it.
    """
    listeners = {
        "CLIENTS": f"{listen}:{ports['clients']}",
        "SERVICES": f"{listen}:{ports['services']}",
        # the broker's own business, wherever it runs
        "CONTROLLER": f"127.0.0.1:{ports['controller']}",
    }
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{listeners['CONTROLLER']}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "SERVICES",
        "listeners": _listed(listeners),
        "advertised.listeners": _listed(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
        # relative to the folder it runs in: a comma in a path would make two folders of it
        "log.dirs": "data",
        # a topic that nobody made is an error, as on a cluster
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        **{
            f"{topic}.replication.factor": "1"
            for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
        },
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # topics of the broker's own, of fifty partitions otherwise: files, and time to make them
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "4",
        # one that was killed is started again only after its former session, otherwise of 9 s
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "250",
        # a laptop's share of threads and memory: the cleaner alone would take 128 MiB
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "log.cleaner.dedupe.buffer.size": str(4 * 1024**2),
        "log.cleaner.io.buffer.size": str(64 * 1024),
    }


def _listed(addresses: Mapping[str, str]) -> str:
    return ",".join(f"{name}://{address}" for name, address in addresses.items())


def cluster_id() -> str:
    """A new cluster's name, in Kafka's spelling; one that has a name keeps it."""
    while True:
        name = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Kafka's tools would take that for an option; its own Uuid.randomUuid tries again, too
        if not name.startswith("-"):
            return name


def java_arguments(folder: Path, class_path: str) -> str:
    """The file of arguments for Kafka's JVM, whose working folder is ``folder``."""
    arguments = (
        *START_OPTIONS,
        f"-Xmx{_HEAP_MIB}m",
        f"-Djava.io.tmpdir={folder / TEMPORARY}",
        "-XX:-UsePerfData",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        *("-cp", class_path),
    )
    return "".join(f"{quoted(argument)}\n" for argument in arguments)


@dataclass(frozen=True)
class KafkaReadiness:
    """Ready when the broker names itself among the cluster's: then it takes and gives records.

    One Metadata request of version 1, the oldest that lists brokers without their topics, encoded
    by hand: a client's own threads and logs are not for a question asked ten times a second.

    Attributes:
        address: ``host:port``.
    """

    address: str

    def check(self) -> None:
        host, _, port = self.address.rpartition(":")
        correlation, no_client_id, no_topics = 7, -1, 0
        request = struct.pack(">hhihi", _METADATA, 1, correlation, no_client_id, no_topics)
        try:
            with socket.create_connection((host, int(port)), timeout=_ANSWERS_WITHIN_S) as broker:
                broker.sendall(struct.pack(">i", len(request)) + request)
                (size,) = struct.unpack(">i", _received(broker, 4))
                answered, brokers = struct.unpack(">ii", _received(broker, size)[:8])
        except OSError as error:
            raise NotYet(str(error)) from error
        if answered != correlation or brokers < 1:
            raise NotYet("it knows no broker yet")


def _received(broker: socket.socket, size: int) -> bytes:
    """Exactly ``size`` bytes."""
    received = b""
    while len(received) < size:
        chunk = broker.recv(size - len(received))
        if not chunk:
            raise ConnectionError("it hung up")
        received += chunk
    return received


def prepare(request: ServiceRequest, settings: Settings, on_progress: OnProgress) -> None:
    """Fetch the broker."""
    del request
    install_kafka(settings, progress=on_progress)


SERVICE = Service(
    kind="kafka",
    summary="Kafka, one KRaft broker",
    plan=plan,
    ports={"clients": 9092, "services": None, "controller": None},
    prepare=prepare,
    # beside the others it would make a whole `up` half as long again
    by_default=False,
)
