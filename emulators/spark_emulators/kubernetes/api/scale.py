"""The scale subresource: replicas of anything that has them."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api import writes
from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import Cause, bad_request, conflict, invalid
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["get_scale", "set_scale"]

_PATHS = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": "",
}


def get_scale(context: Context, resource: Resource, namespace: str, name: str) -> Object:
    """The Scale of an object.

    Raises:
        ApiError: 404.
    """
    return _scale(writes.get_stored(context, resource, namespace, name).value, resource)


def set_scale(
    context: Context, resource: Resource, namespace: str, name: str, scale: Any,
    options: WriteOptions,
) -> Object:  # fmt: skip
    """Write the replicas of a Scale into its object.

    Raises:
        ApiError: 400 for what is no Scale; 404; 409; 422 for a negative number.
    """
    if not isinstance(scale, dict) or scale.get("kind", "Scale") != "Scale":
        raise bad_request("the body is not a Scale")
    replicas = dig(scale, "spec", "replicas") or 0
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise bad_request(
            "json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0:
        detail = "must be greater than or equal to 0"
        raise invalid(
            "autoscaling", "Scale", name, [Cause.invalid("spec.replicas", replicas, detail)]
        )
    old: Stored = writes.get_stored(context, resource, namespace, name)
    revision = dig(scale, "metadata", "resourceVersion")
    if revision and revision != old.value["metadata"]["resourceVersion"]:
        raise conflict(resource.group, resource.plural, name)
    value: Object = copy(old.value)
    node = value
    *parents, last = _path(resource, "specReplicasPath")
    for part in parents:
        node = node.setdefault(part, {})
    node[last] = replicas
    return _scale(writes.save(context, resource, old, value, options, "scale").value, resource)


def _path(resource: Resource, name: str) -> list[str]:
    paths = (resource.custom.scale if resource.custom else None) or _PATHS
    return [part for part in (paths.get(name) or "").split(".") if part]


def _scale(value: Object, resource: Resource) -> Object:
    metadata = value["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: dict[str, Any] = {"replicas": dig(value, *_path(resource, "statusReplicasPath")) or 0}
    selector = _selector(value, resource)
    if selector:
        status["selector"] = selector
    replicas = dig(value, *_path(resource, "specReplicasPath"))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _selector(value: Object, resource: Resource) -> str:
    if resource.custom is not None:
        path = _path(resource, "labelSelectorPath")
        return str(dig(value, *path) or "") if path else ""
    selector = dig(value, "spec", "selector") or {}
    labels = selector.get("matchLabels", {}) if isinstance(selector, dict) else {}
    terms = [f"{key}={each}" for key, each in sorted(labels.items())]
    for each in selector.get("matchExpressions") or ():
        values = ",".join(sorted(each.get("values") or ()))
        terms.append(
            {
                "In": f"{each['key']} in ({values})",
                "NotIn": f"{each['key']} notin ({values})",
                "Exists": each["key"],
                "DoesNotExist": f"!{each['key']}",
            }.get(each["operator"], each["key"])
        )
    return ",".join(terms)
