"""Namespaces: what each has from its start, and how it ends."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api import deletion
from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.api.requests import DeleteOptions
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import DELETED, Change, Key, Object

__all__ = ["Furnisher", "Terminator"]

_CA = "kube-root-ca.crt"
_NOTE = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal"
    " endpoints such as the internal service IP or kubernetes.default.svc. No other usage is"
    " guaranteed across distributions of Kubernetes clusters."
)


class Furnisher:
    """Gives every namespace its ``default`` service account and the cluster's CA."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._check: dict[str, None] = {}

    def observe(self, change: Change) -> None:
        key = change.now.key
        if key.resource == "namespaces" and change.type != DELETED:
            self._check[key.name] = None
        elif (key.resource, key.name) in (("serviceaccounts", "default"), ("configmaps", _CA)):
            self._check[key.namespace] = None

    def work(self) -> None:
        check, self._check = self._check, {}
        for namespace in check:
            value = self._cluster.context.find("namespaces", "", namespace)
            if value is None or value["metadata"].get("deletionTimestamp"):
                continue
            self._ensure("ServiceAccount", "serviceaccounts", namespace, "default", {})
            annotations = {"kubernetes.io/description": _NOTE}
            data = {"data": {"ca.crt": self._cluster.ca}}
            self._ensure("ConfigMap", "configmaps", namespace, _CA, data, annotations)

    def _ensure(
        self, kind: str, plural: str, namespace: str, name: str, rest: dict[str, Any],
        annotations: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        if self._cluster.context.find(plural, namespace, name) is not None:
            return
        metadata: dict[str, Any] = {"name": name, "namespace": namespace}
        if annotations:
            metadata["annotations"] = annotations
        self._cluster.create({"kind": kind, "apiVersion": "v1", "metadata": metadata, **rest})


class Terminator:
    """Empties a namespace that is going, then lets it go."""

    def __init__(self, cluster: Cluster) -> None:
        self._context = cluster.context
        self._going: set[str] = set()

    def observe(self, change: Change) -> None:
        key = change.now.key
        if key.resource != "namespaces":
            return
        if change.type == DELETED:
            self._going.discard(key.name)
        elif change.now.value["metadata"].get("deletionTimestamp"):
            self._going.add(key.name)

    def work(self) -> None:
        for name in sorted(self._going):
            self._terminate(name)

    def _terminate(self, name: str) -> None:
        left = 0
        for resource in self._context.registry:
            if not resource.namespaced or not resource.stores:
                continue
            if resource.group_resource != resource.storage:
                continue
            for stored in self._context.store.list(resource.storage, name):
                left += 1
                if stored.value["metadata"].get("deletionTimestamp"):
                    continue
                try:
                    deleted = deletion.delete(
                        self._context, resource, name, stored.key.name, DeleteOptions()
                    )
                    left -= deleted.gone
                except ApiError as error:
                    if error.code != 404:
                        raise
        if not left:
            finalize(self._context, name)


def finalize(context: Any, name: str, finalizers: list[str] | None = None) -> Object | None:
    """Set what still holds a namespace: nothing by default.

    Returns:
        The namespace; None where it is gone.
    """
    stored = context.store.get(Key("namespaces", "", name))
    if stored is None:
        return None
    value: Object = copy(stored.value)
    spec = dict(value.get("spec") or {})
    spec.pop("finalizers", None)
    if finalizers:
        spec["finalizers"] = finalizers
    value["spec"] = spec
    if value == stored.value:
        return value
    stored = context.store.put(stored.key, value)
    if (
        not spec
        and not value["metadata"].get("finalizers")
        and value["metadata"].get("deletionTimestamp")
    ):
        context.store.delete(stored.key)
    return value
