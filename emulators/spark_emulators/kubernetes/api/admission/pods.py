"""What admission adds to pods: an account and its token, tolerations, a priority."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.kinds import podspec
from spark_emulators.kubernetes.api.names import generate
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import forbidden
from spark_emulators.kubernetes.store.store import Key, Object

__all__ = ["priority", "service_account", "tolerations"]

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_S = 3607
_UNTIL_EVICTED_S = 300
_NOT_READY, _UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
_SYSTEM = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def _new_pod(resource: Resource, old: Object | None) -> bool:
    return resource.storage == "pods" and old is None


def service_account(
    context: Context, resource: Resource, value: Object, old: Object | None, options: WriteOptions
) -> None:
    """Every pod is somebody, and can prove it.

    Raises:
        ApiError: 403 for an account that is not there.
    """
    if not _new_pod(resource, old):
        return
    spec, metadata = value["spec"], value["metadata"]
    name = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = name
    account = context.find("serviceaccounts", metadata["namespace"], name)
    if account is None:
        why = f"error looking up service account {metadata['namespace']}/{name}:"
        why += f' serviceaccount "{name}" not found'
        raise forbidden("", "pods", metadata.get("name", ""), why)
    if "imagePullSecrets" not in spec and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(each) for each in account["imagePullSecrets"]]
    mounts = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken"))
    if mounts is False:
        return
    volume = _token_volume(spec)
    for container in podspec.containers(spec):
        mounted = container.get("volumeMounts") or []
        if any(each.get("mountPath") == MOUNT for each in mounted):
            continue
        mount = {"name": volume["name"], "readOnly": True, "mountPath": MOUNT}
        container["volumeMounts"] = [*mounted, mount]
        if volume not in spec.setdefault("volumes", []):
            spec["volumes"].append(volume)


def _token_volume(spec: dict[str, Any]) -> dict[str, Any]:
    sources: list[dict[str, Any]] = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_S, "path": "token"}},
        {
            "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
        {
            "downwardAPI": {
                "items": [
                    {
                        "path": "namespace",
                        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                    }
                ]
            }
        },
    ]
    name = generate("kube-api-access-")
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def tolerations(
    context: Context, resource: Resource, value: Object, old: Object | None, options: WriteOptions
) -> None:
    """A pod stays on a node that is not ready for five minutes."""
    if not _new_pod(resource, old):
        return
    spec = value["spec"]
    present = spec.get("tolerations") or []
    for key in (_NOT_READY, _UNREACHABLE):
        if not any(_tolerates(each, key) for each in present):
            present = [
                *present,
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _UNTIL_EVICTED_S,
                },
            ]
    spec["tolerations"] = present


def _tolerates(toleration: dict[str, Any], key: str) -> bool:
    return toleration.get("key") in (None, "", key) and toleration.get("effect") in (
        None, "", "NoExecute",
    )  # fmt: skip


def priority(
    context: Context, resource: Resource, value: Object, old: Object | None, options: WriteOptions
) -> None:
    """A priority class becomes a number.

    Raises:
        ApiError: 403 for a class that is not there.
    """
    if not _new_pod(resource, old):
        return
    spec, found = value["spec"], None
    name = spec.get("priorityClassName", "")
    if name in _SYSTEM:
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
        spec["priority"] = _SYSTEM[name]
        return
    if name:
        stored = context.store.get(Key("priorityclasses.scheduling.k8s.io", "", name))
        if stored is None:
            why = f"no PriorityClass with name {name} was found"
            raise forbidden("", "pods", value["metadata"].get("name", ""), why)
        found = stored.value
    else:
        for stored in context.store.list("priorityclasses.scheduling.k8s.io"):
            if stored.value.get("globalDefault"):
                found, spec["priorityClassName"] = stored.value, stored.key.name
    spec["priority"] = found["value"] if found else 0
    policy = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("preemptionPolicy", policy)
