"""Drivers on their clusters: SparkApplications that are Connect servers."""

from __future__ import annotations

import contextlib
import socket
import threading

from spark_platform.backends.settings import CONNECT_PORT
from spark_platform.backends.sk8.manifest import manifest
from spark_platform.backends.sk8.status import CLUSTER, driver_pod, observation
from spark_platform.gateway import driver_tokens
from spark_platform.gateway.applications import Applications
from spark_platform.gateway.connect.pools import POOL
from spark_platform.gateway.connect.records import Place
from spark_platform.gateway.deletions import Deletion
from spark_platform.identity import Caller
from spark_platform.kernel.errors import InvalidInput, NotFound, Transient
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.resources import Object
from spark_platform.model import JobSpec, Observation

__all__ = ["Drivers"]

# for whoever wants to know what became of one
_LOGS_KEPT_S = 600
_KNOCKS_FOR_S = 2.0
_READY_WITHIN_S = 1.0


class Drivers:
    """What Connect asks of clusters; the domain's own rules hold for it as for its users.

    Args:
        applications: the gateway's.
        user: as whom applications are made.
    """

    def __init__(self, applications: Applications, user: str = "spark-gateway") -> None:
        self._applications, self._user = applications, user
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    def start(self, domain: str, job: JobSpec) -> None:
        """Have a pool's driver; one that is there stays.

        Raises:
            PlatformError: no cluster takes it.
        """
        namespace = self._applications.policy.domain(domain).namespace
        value = manifest(job, namespace, kept_s=_LOGS_KEPT_S)
        value["metadata"]["labels"][POOL] = domain
        try:
            self._applications.create(self._caller(domain), namespace, value)
        except AlreadyExists:
            return

    def seen(self, domain: str) -> dict[str, Observation]:
        """The drivers of a domain's pool, by name.

        Raises:
            Transient: a cluster does not answer.
        """
        namespace = self._applications.policy.domain(domain).namespace
        found, _ = self._applications.list(
            self._caller(domain), namespace, labels=f"{POOL}={domain}"
        )
        return {each["metadata"]["name"]: observation(each) for each in found}

    def place(self, domain: str, name: str) -> Place:
        """Where a driver answers now.

        Raises:
            NotFound: there is no such application, or it has ended.
            InvalidInput: it is no Connect server.
            Transient: it does not answer yet, or its cluster does not.
        """
        try:
            found = self._get(domain, name)
        except NotFound as error:
            raise NotFound(f"domain {domain} has no application {name}") from error
        seen = observation(found)
        if not driver_tokens.is_connect(found):
            raise InvalidInput(
                f"{name} is no Spark Connect server",
                hint="name an application whose mainClass is Spark's SparkConnectServer",
            )
        if seen.state.ended or seen.cancelling:
            raise NotFound(f"{name} has ended: {seen.reason or seen.state.value}")
        if not seen.connect:
            raise Transient(f"{name} is {seen.state.value}", retry_after_s=_READY_WITHIN_S)
        pod = self._applications.driver(
            self._caller(domain), found["metadata"]["namespace"], driver_pod(found)
        )
        address = (pod.get("status") or {}).get("podIP")
        if not address:
            raise Transient(f"{name} has no address yet", retry_after_s=_READY_WITHIN_S)
        return Place(name, pod["metadata"]["uid"], f"{address}:{CONNECT_PORT}")

    def end(self, domain: str, name: str) -> None:
        """Have a driver go; one that is gone is no error."""
        namespace = self._applications.policy.domain(domain).namespace
        with contextlib.suppress(NotFound):
            self._applications.delete(self._caller(domain), namespace, name, Deletion())

    def known_token(self, place: Place) -> str | None:
        """What ``token`` has told before; None where it is to be asked."""
        return self._tokens.get(place.incarnation)

    def token(self, domain: str, place: Place) -> str:
        """What a driver wants to be told; empty where it wants nothing.

        Raises:
            NotFound: the driver is gone.
            Transient: its cluster does not answer.
        """
        known = self.known_token(place)
        if known is None:
            found = self._get(domain, place.application)
            cluster = found["metadata"]["annotations"][CLUSTER]
            known = driver_tokens.read(self._applications.clusters.kubernetes(cluster), found)
            with self._lock:
                self._tokens[place.incarnation] = known
        return known

    def forget(self, incarnation: str) -> None:
        """A driver is gone, and its token with it."""
        with self._lock:
            self._tokens.pop(incarnation, None)

    def answers(self, place: Place) -> bool:
        """Whether somebody listens where a driver should."""
        host, _, port = place.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _KNOCKS_FOR_S).close()
        except OSError:
            return False
        return True

    def _get(self, domain: str, name: str) -> Object:
        namespace = self._applications.policy.domain(domain).namespace
        return self._applications.get(self._caller(domain), namespace, name)

    def _caller(self, domain: str) -> Caller:
        return Caller(self._user, domain)
