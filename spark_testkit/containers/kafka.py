"""Kafka in a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spark_testkit.containers.base import ServiceContainer
from spark_testkit.engine.catalogue import kafka_spec
from spark_testkit.service import TEMPORARY, Readiness
from spark_testkit.services import kafka
from spark_testkit.services.spark_jvm import properties_file

__all__ = ["KafkaContainer"]

_PORTS = {"clients": 9092, "services": 9093, "controller": 9094}
_FOLDER = Path("/tmp/kafka")  # noqa: S108 - the container's own
_ARGUMENTS, _PROPERTIES, _GO = (
    str(_FOLDER / name) for name in ("java.args", "server.properties", "go")
)
# a broker tells its clients where it is, which is known only once its container runs
_WAIT_AND_START = f"""
mkdir -p {_FOLDER / TEMPORARY}
until [ -e {_GO} ]; do sleep 0.05; done
exec /opt/kafka/start.sh {kafka.JAVA_IN_IMAGE} {_ARGUMENTS} {_PROPERTIES} "$0"
"""


class KafkaContainer(ServiceContainer):
    """One broker that is its own controller (KRaft); topics are not made by asking for them.

    Example::

        with KafkaContainer() as kafka:
            producer = confluent_kafka.Producer({"bootstrap.servers": kafka.get_bootstrap_server()})

    Args:
        image: ``spark-testkit images build --layer kafka`` makes the default one.
        kwargs: see ``ServiceContainer``.
    """

    def __init__(self, image: str | None = None, **kwargs: Any) -> None:
        super().__init__(image or kafka_spec().image, **kwargs)
        self.with_exposed_ports(_PORTS["clients"])
        self._kwargs["entrypoint"] = ["/usr/bin/tini", "-s", "--", "/bin/sh", "-c"]
        self.with_command([_WAIT_AND_START, kafka.cluster_id()])

    def _after_start(self) -> None:
        properties = kafka.server_properties(
            listen="0.0.0.0",  # noqa: S104 - its own interface
            ports=_PORTS,
            advertised={
                "CLIENTS": self.get_bootstrap_server(),
                "SERVICES": self.get_bootstrap_server_for_containers(),
            },
        )
        arguments = kafka.java_arguments(_FOLDER, kafka.JARS_IN_IMAGE)
        self.copy_into_container(arguments.encode(), _ARGUMENTS)
        self.copy_into_container(properties_file(properties).encode(), _PROPERTIES)
        self.copy_into_container(b"", _GO)

    def readiness(self) -> Readiness:
        return kafka.KafkaReadiness(self.get_bootstrap_server())

    def get_bootstrap_server(self) -> str:
        """``host:port`` for clients on this machine."""
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(_PORTS['clients'])}"

    def get_bootstrap_server_for_containers(self) -> str:
        """``host:port`` for containers on its Docker network, Spark's for one."""
        return f"{self.address_for_containers()}:{_PORTS['services']}"
