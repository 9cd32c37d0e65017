"""Makes a driver's objects, each once: what is there already and is the attempt's own is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spark_emulators.spark_operator.driver.plan import DriverPlan
from spark_emulators.spark_operator.view import owned_by
from spark_platform.kernel.errors import Conflict, NotFound, PlatformError, Terminal, Transient
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.resources import Object, Resource

__all__ = ["make", "unmake"]

_PLURALS = {
    "ConfigMap": "configmaps",
    "Service": "services",
    "Ingress": "ingresses",
    "HTTPRoute": "httproutes",
    "GRPCRoute": "grpcroutes",
}


def make(kubernetes: Kubernetes, plan: DriverPlan, owner: Object) -> Object:
    """Create all of a plan; returns the driver's pod.

    ConfigMaps are the application's until the pod is there, then the pod's as all else: whenever
    this is interrupted, what is there goes with its owner.

    Args:
        owner: the SparkApplication.

    Raises:
        PlatformError: the API refused something, or it is somebody else's.
    """
    uid = owner["metadata"]["uid"]
    own = _reference(owner, blocks=True)
    maps = [_have(kubernetes, {**each}, own, (uid,)) for each in plan.before]
    pod = _have(kubernetes, plan.pod, None, (uid,))
    of_pod = _reference(pod, blocks=False)
    for each in plan.after:
        _have(kubernetes, each, of_pod, (of_pod["uid"],))
    for made in maps:
        if not owned_by(made, of_pod["uid"]):
            change = {"metadata": {"ownerReferences": [of_pod]}}
            metadata = made["metadata"]
            kubernetes.patch(
                _resource("v1", "ConfigMap"), metadata["namespace"], metadata["name"], change
            )
    return pod


def unmake(kubernetes: Kubernetes, before: Iterable[Mapping[str, Any]], uid: str) -> None:
    """Delete ConfigMaps of an attempt whose driver was refused, as far as they are its own."""
    for each in before:
        resource, metadata = _resource(each["apiVersion"], each["kind"]), each["metadata"]
        try:
            found = kubernetes.get(resource, metadata["namespace"], metadata["name"])
            if owned_by(found, uid):
                kubernetes.delete(
                    resource, metadata["namespace"], metadata["name"], uid=found["metadata"]["uid"]
                )
        except NotFound:
            pass
        except PlatformError:
            # it goes with the application
            return


def _have(
    kubernetes: Kubernetes,
    wanted: Mapping[str, Any],
    owner: Mapping[str, Any] | None,
    ours: tuple[str, ...],
) -> Object:
    """Create an object, or take the one that an interrupted try has left."""
    value: dict[str, Any] = dict(wanted)
    metadata = value["metadata"]
    if owner is not None:
        value["metadata"] = {**metadata, "ownerReferences": [owner]}
    resource = _resource(value["apiVersion"], value["kind"])
    namespace, name = metadata["namespace"], metadata["name"]
    try:
        return kubernetes.create(resource, namespace, value)
    except AlreadyExists:
        try:
            found = kubernetes.get(resource, namespace, name)
        except NotFound as error:
            raise Conflict(f"{value['kind']} {name} was deleted just now") from error
    if found["metadata"].get("deletionTimestamp"):
        raise Transient(f"{value['kind']} {name} of an earlier attempt still ends")
    if not _is_ours(kubernetes, found, ours):
        raise Terminal(
            f"{value['kind']} {name} is there already and is not this application's",
            hint="delete it, or choose another name",
        )
    return found


def _is_ours(kubernetes: Kubernetes, found: Object, ours: tuple[str, ...]) -> bool:
    if any(owned_by(found, uid) for uid in ours):
        return True
    # a ConfigMap that has become the pod's
    for each in found["metadata"].get("ownerReferences") or ():
        if each["kind"] == "Pod":
            try:
                pod = kubernetes.get(PODS, found["metadata"]["namespace"], each["name"])
            except NotFound:
                continue
            if any(owned_by(pod, uid) for uid in ours):
                return True
    return False


def _resource(api_version: str, kind: str) -> Resource:
    return PODS if kind == "Pod" else Resource(api_version, _PLURALS[kind])


def _reference(owner: Object, *, blocks: bool) -> dict[str, Any]:
    return {
        "apiVersion": owner.get("apiVersion", "v1"),
        "kind": owner.get("kind", "Pod"),
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": not blocks,
        "blockOwnerDeletion": blocks,
    }
