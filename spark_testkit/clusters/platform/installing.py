"""Has the platform's servers in a cluster, and waits until clients on this machine can use them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spark_platform.kernel.errors import PlatformError, TimedOut, Transient
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes, connect
from spark_platform.kernel.kubernetes.resources import Object, Resource
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.platform import objects
from spark_testkit.clusters.platform.objects import Server
from spark_testkit.clusters.platform.servers import GATEWAY_ACCOUNT, GATEWAY_RULES, Wiring
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.services import s3, unity_catalog
from spark_testkit.services.unity_catalog import HttpReadiness

__all__ = ["install", "waits_for"]

_MANAGER = "spark-testkit"
_READY_WITHIN_S = 240.0
_LOG_LINES = 20
_RBAC = "rbac.authorization.k8s.io/v1"
_DEPLOYMENTS = Resource("apps/v1", "deployments")
_RESOURCES = {
    "ClusterRole": Resource(_RBAC, "clusterroles"),
    "ClusterRoleBinding": Resource(_RBAC, "clusterrolebindings"),
    "Deployment": _DEPLOYMENTS,
    "Namespace": Resource("v1", "namespaces"),
    "Secret": Resource("v1", "secrets"),
    "Service": Resource("v1", "services"),
    "ServiceAccount": Resource("v1", "serviceaccounts"),
}


def install(kubeconfig: Path, wiring: Wiring, progress: OnProgress) -> None:
    """Make the servers, and return when each of them works.

    Args:
        kubeconfig: of the cluster, which has the images of the servers and of the engine.

    Raises:
        TimedOut: one does not come to work; its last words are in the message.
        PlatformError: the cluster refuses.
    """
    servers = tuple(wiring.servers())
    with contextlib.closing(connect(kubeconfig)) as kubernetes:
        for each in _all(servers, wiring.namespace):
            kubernetes.apply(_RESOURCES[each["kind"]], each, _MANAGER)
        for server in servers:
            progress(Progress(server.name, "", 0, 1))
        for server in servers:
            _wait(kubernetes, wiring.namespace, server)
            progress(Progress(server.name, f"in namespace {wiring.namespace}", 1, 1))
    for what, check in _from_here(wiring.exports()):
        poll(check, what=f"{what} to be reached from here", timeout_s=_READY_WITHIN_S)


def waits_for(pods: list[Object]) -> str:
    """Why pods of a server are not ready, as their containers tell."""
    told = []
    for pod in pods:
        status = pod.get("status") or {}
        for each in status.get("conditions") or ():
            if each["type"] == "PodScheduled" and each["status"] != "True":
                told.append(each.get("message") or "its pod has no node")
        for each in status.get("containerStatuses") or ():
            state = each.get("state") or {}
            ended, waiting = state.get("terminated"), state.get("waiting")
            if waiting:
                told.append(
                    f"{waiting.get('reason')}: {waiting.get('message') or 'no more is said'}"
                )
            elif ended:
                told.append(f"its container ended with {ended.get('exitCode')}")
    return "; ".join(told) or "it does not answer yet"


def _all(servers: tuple[Server, ...], namespace: str) -> Iterator[Mapping[str, Any]]:
    yield objects.namespace(namespace)
    yield from objects.rights(GATEWAY_ACCOUNT, namespace, GATEWAY_RULES)
    for each in servers:
        yield from objects.objects(each, namespace)


def _wait(kubernetes: Kubernetes, namespace: str, server: Server) -> None:
    selector = f"{objects.LABEL}={server.name}"

    def available() -> None:
        try:
            found = kubernetes.get(_DEPLOYMENTS, namespace, server.name)
            status = found.get("status") or {}
            current = status.get("observedGeneration") == found["metadata"]["generation"]
            if current and status.get("availableReplicas"):
                return
            pods, _ = kubernetes.list(PODS, namespace, selector)
        except Transient as error:
            raise NotYet(error.message) from error
        raise NotYet(waits_for(pods))

    try:
        poll(available, what=server.name, timeout_s=_READY_WITHIN_S, interval_s=0.3)
    except TimedOut as error:
        raise TimedOut(error.message + _last_words(kubernetes, namespace, selector)) from error


def _last_words(kubernetes: Kubernetes, namespace: str, selector: str) -> str:
    try:
        pods, _ = kubernetes.list(PODS, namespace, selector)
        names = [each["metadata"]["name"] for each in pods]
        logs = [kubernetes.logs(namespace, name, tail=_LOG_LINES) for name in names]
    except PlatformError as error:
        return f"\n(its log cannot be had: {error.message})"
    return "".join(f"\n--- last lines of its log ---\n{log.rstrip()}" for log in logs)


def _from_here(exports: Mapping[str, str]) -> Iterator[tuple[str, Callable[[], None]]]:
    """What has to answer on this machine; S3 makes the warehouse by the way."""
    yield "S3", s3.S3Readiness(exports, s3.WAREHOUSE_BUCKET).check
    uri, token = exports["UNITY_CATALOG_URI"], exports.get(unity_catalog.TOKEN, "")
    yield "the catalog", unity_catalog.readiness(uri, token).check
    yield "the token issuer", HttpReadiness(f"{exports['SPARK_TOKEN_ISSUER_URL']}/jwks.json").check
    yield "the Runner", HttpReadiness(f"{exports['SPARK_RUNNER_URL']}/healthz").check
