"""Keeps Endpoints and EndpointSlices of services that select pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads.addresses import (
    slices_of,
    state_of,
    subsets_of,
)
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.reconciler import (
    MANAGER,
    Reconciler,
    controller_reference,
)
from spark_emulators.kubernetes.store.store import DELETED, MODIFIED, Change, Key, Object

__all__ = ["EndpointsController"]

_HEADLESS = "service.kubernetes.io/headless"
_MANAGED_BY = "endpoints.kubernetes.io/managed-by"


class EndpointsController(Reconciler):
    """The controller; see the module.

    Args:
        cluster: whose.
        slices: endpoint slices by their services.
    """

    def __init__(self, cluster: Cluster, slices: Owned) -> None:
        super().__init__(cluster, slices, "services", "Service", "endpoint-slice-controller")
        self._bereft: dict[Key, None] = {}

    def observe(self, change: Change) -> None:
        key = change.now.key
        if key.resource == "pods":
            self._observe_pod(change)
        elif key.resource == "endpoints":
            self._noted[Key("services", key.namespace, key.name)] = None
        else:
            super().observe(change)
            if key.resource == "services" and change.type == DELETED:
                self._bereft[Key("endpoints", key.namespace, key.name)] = None

    def _observe_pod(self, change: Change) -> None:
        now, before = change.now.value, change.before.value if change.before else None
        if before is not None and change.type == MODIFIED and state_of(before) == state_of(now):
            return
        for service in self._store.list("services", change.now.key.namespace):
            if any(_behind(service.value, each) for each in (now, before) if each is not None):
                self._noted[service.key] = None

    def work(self) -> None:
        bereft, self._bereft = self._bereft, {}
        for key in bereft:
            stored = self._store.get(key)
            if stored is None or self._store.get(Key("services", key.namespace, key.name)):
                continue
            if _MANAGED_BY in (stored.value["metadata"].get("labels") or {}):
                self.remove(stored.value)
        super().work()

    def reconcile(self, owner: Object) -> None:
        spec = owner["spec"]
        going = "deletionTimestamp" in owner["metadata"]
        if not spec.get("selector") or spec["type"] == "ExternalName" or going:
            return
        pods = [
            each.value
            for each in self._store.list("pods", owner["metadata"]["namespace"])
            if _behind(owner, each.value)
        ]
        self._write_endpoints(owner, pods)
        self._write_slices(owner, pods)

    def _write_endpoints(self, owner: Object, pods: Sequence[Object]) -> None:
        metadata, subsets = owner["metadata"], subsets_of(owner, pods)
        labels = {**_labels(owner), _MANAGED_BY: "endpoint-controller"}
        value: Object = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {
                "name": metadata["name"], "namespace": metadata["namespace"], "labels": labels,
            },
            **({"subsets": subsets} if subsets else {}),
        }  # fmt: skip
        stored = self._store.get(Key("endpoints", metadata["namespace"], metadata["name"]))
        if stored is None:
            self._cluster.create(value, MANAGER)
        elif stored.value.get("subsets", []) != subsets or (
            stored.value["metadata"].get("labels") != labels
        ):
            self._cluster.update(value, MANAGER)

    def _write_slices(self, owner: Object, pods: Sequence[Object]) -> None:
        metadata, wanted = owner["metadata"], slices_of(owner, pods)
        labels = {
            **_labels(owner),
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            "kubernetes.io/service-name": metadata["name"],
        }
        known = self._owned.of(metadata["uid"])
        for index, each in enumerate(wanted):
            if index < len(known):
                self._renew(known[index], each, labels)
                continue
            value = {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "generateName": f"{metadata['name']}-",
                    "namespace": metadata["namespace"],
                    "labels": labels,
                    "ownerReferences": [controller_reference(owner)],
                },
                "addressType": "IPv4",
                **each,
            }
            self._cluster.create(value, MANAGER)
        for extra in known[len(wanted) :]:
            self.remove(extra)

    def _renew(self, known: Object, wanted: dict[str, Any], labels: dict[str, str]) -> None:
        same = all(known.get(name) == each for name, each in wanted.items())
        if not same or known["metadata"].get("labels") != labels:
            value: Object = {**copy(known), **wanted}
            value["metadata"]["labels"] = labels
            self._cluster.update(value, MANAGER)


def _labels(service: Object) -> dict[str, str]:
    given = service["metadata"].get("labels") or {}
    headless = {_HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {}
    return {**given, **headless}


def _behind(service: Object, pod: Object) -> bool:
    selector = service["spec"].get("selector")
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and selector.items() <= labels.items()
