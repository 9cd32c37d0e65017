"""A stack with a Gateway whose drivers are Spark's own, and what a test does there."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from application_sites import application
from connect_fleet import Client
from kube_kubectl import Kubectl
from kube_nodes import need_namespaces
from stacks import USER_CACHE, folders_of, processes_of

from spark_platform.backends.settings import ASK_CONNECT, CONNECT_SERVER
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.connect.records import DriverState
from spark_platform.gateway.connect.store import Store
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import TimedOut
from spark_platform.kernel.kubernetes.client import PODS, connect
from spark_platform.kernel.kubernetes.resources import Object
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.connect import end_session, open_session
from spark_testkit.service import ServiceRequest
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack
from spark_testkit.tokens import DOMAIN, connect_remote, issued

TIMEOUT_S = 240
SLOWLY = "java_method('java.lang.Thread', 'sleep', 500L)"
"""An expression that takes half a second a row."""
_TOKEN_LIVES_S = 3600


class GatewayStack:
    """A running one.

    Attributes:
        folder: of its services.
        exports: its variables.
        kubectl: kubectl through the Gateway, as whoever is at this machine.
        cluster: the cluster behind it.
    """

    def __init__(self, folder: Path, exports: dict[str, str], home: Path) -> None:
        self.folder, self.exports = folder, exports
        self.kubectl = Kubectl(exports["SPARK_GATEWAY_KUBECONFIG"], DOMAIN, home)
        self.cluster = connect(Path(exports["KUBECONFIG"]))

    def remote(self, user: str, door: str = "", **parts: str) -> str:
        """Where a user's client goes.

        Args:
            door: ``sc://…`` of another replica; the stack's own where empty.
            parts: of the URL; ``x_spark_cluster`` is ``x-spark-cluster``.
        """
        exports = {**self.exports, **({"SPARK_GATEWAY_CONNECT": door} if door else {})}
        said = "".join(
            f";{name.replace('_', '-') if name.startswith('x_') else name}={value}"
            for name, value in parts.items()
        )
        return connect_remote(exports, user) + said

    @contextlib.contextmanager
    def session(self, user: str, *interceptors: Any, **place: str) -> Iterator[Any]:
        """A session of a user's; ``place`` is as in ``remote``."""
        session = open_session(self.remote(user, **place), *interceptors)
        try:
            yield session
        finally:
            end_session(session)

    def raw(self, user: str, **headers: str) -> Client:
        """A client that says what no stock one would."""
        port = int(self.exports["SPARK_GATEWAY_CONNECT"].rpartition(":")[2])
        return Client(port, issued(self.exports, user, DOMAIN, _TOKEN_LIVES_S), **headers)

    def connect_server(self, name: str) -> None:
        """Have an application that is a Connect server; it answers when this returns."""
        self.kubectl("create", "-f", "-", stdin=connect_application(name))
        state = "jsonpath={.status.currentState.currentStateSummary}=RunningHealthy"
        self.kubectl("wait", f"sparkapplication/{name}", f"--for={state}", "--timeout=80s")

    def end(self, *names: str) -> None:
        """Have applications go, with all that is theirs."""
        self.kubectl("delete", "sparkapplication", *names, "--ignore-not-found")

    def applications(self) -> list[str]:
        """The names of the domain's, as its cluster has them."""
        found, _ = self.cluster.list(APPLICATIONS, DOMAIN)
        return [each["metadata"]["name"] for each in found]

    def driver(self, session: Any) -> Object:
        """The pod of a session's driver."""
        name = session.conf.get("spark.kubernetes.driver.pod.name")
        return self.cluster.get(PODS, DOMAIN, name)

    def kill_driver(self, session: Any) -> None:
        """End the process of a session's driver, as the kernel does where memory is short."""
        address = self.driver(session)["status"]["podIP"]
        bound = f"spark.driver.bindAddress={address}"
        (process,) = (
            each
            for each in psutil.process_iter(["name", "cmdline"])
            if each.info["name"] == "java" and bound in (each.info["cmdline"] or ())
        )
        process.send_signal(signal.SIGKILL)

    def drivers(self, state: DriverState) -> list[str]:
        """The pool's drivers that are in a state, as the Gateway's replicas know it."""
        database = sqlite_url(self.folder / "gateway" / "gateway.sqlite")
        with contextlib.closing(Store(database)) as store:
            return [each.name for each in store.drivers(DOMAIN) if each.state is state]


@contextlib.contextmanager
def running(session: Any, rows: int = 10) -> Iterator[tuple[str, Future[list[Any]]]]:
    """The id of an operation that takes half a second a row, and its result to come."""
    found = []

    def seen(stages: Any, inflight_tasks: int, operation_id: str, done: bool) -> None:
        if inflight_tasks:
            found.append(operation_id)

    def first() -> str:
        if not found:
            raise NotYet("no task runs")
        return found[0]

    session.registerProgressHandler(seen)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(session.range(0, rows, 1, 1).selectExpr("id", SLOWLY).collect)
        try:
            found_id = poll(first, what="an operation to run", timeout_s=TIMEOUT_S)
        except TimedOut:
            session.interruptAll()
            raise
        yield found_id, future
    session.clearProgressHandlers()


@contextlib.contextmanager
def gateway_stack(name: str, folder: Path, **options: Any) -> Iterator[GatewayStack]:
    """A stack with a Gateway while the block runs, and nothing of it after.

    Args:
        folder: empty.
        options: of the service ``gateway``.
    """
    need_namespaces()
    settings = Settings(folder / "state", USER_CACHE)
    home = folder / "home"
    home.mkdir()
    with Stack(name, settings=settings) as stack:
        exports: dict[str, str] = {}
        for each in stack.up(ServiceRequest.of("gateway", **options)).values():
            exports |= each
        services = settings.state_dir / "stacks" / name / "services"
        site = GatewayStack(services, exports, home)
        try:
            yield site
        finally:
            site.cluster.close()
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def connect_application(name: str) -> dict[str, Any]:
    """A Connect server as a domain's own application."""
    address = "${env:SPARK_DRIVER_BIND_ADDRESS}"
    made = application("", conf={"spark.connect.grpc.binding.address": address})
    made["metadata"]["name"] = name
    spec = made["spec"]
    del spec["pyFiles"], spec["configMapSpecs"]
    probe = {"exec": {"command": ["sh", "-c", ASK_CONNECT]}, "periodSeconds": 1}
    probe |= {"timeoutSeconds": 10, "failureThreshold": TIMEOUT_S}
    # without it a driver is taken to be ready before it listens
    container = {"name": "spark-kubernetes-driver", "startupProbe": probe}
    spec["driverSpec"] = {"podTemplateSpec": {"spec": {"containers": [container]}}}
    spec["mainClass"] = CONNECT_SERVER
    return made
