"""Keeps the status of disruption budgets, which eviction asks. ``status_of`` is pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import dig, owner_of, parse_time
from spark_emulators.kubernetes.api.selectors import from_object, matches_labels
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.pods import is_active, is_ready
from spark_emulators.kubernetes.controllers.workloads.reconciler import (
    Reconciler,
    with_condition,
)
from spark_emulators.kubernetes.controllers.workloads.rolling import resolve
from spark_emulators.kubernetes.store.store import Change, Object

__all__ = ["DisruptionController", "status_of"]

_FORGOTTEN_S = 120
_SCALED = ("deployments.apps", "replicasets.apps", "statefulsets.apps")


def status_of(
    budget: Object, pods: Sequence[Object], scale: int, now: float, stamp: str
) -> dict[str, Any]:
    """What a budget allows.

    Args:
        pods: those that it selects.
        scale: how many their controllers want.
        now: seconds since the epoch.
        stamp: the same as objects write it.
    """
    spec, before = budget.get("spec") or {}, budget.get("status") or {}
    names = {each["metadata"]["name"] for each in pods if is_active(each)}
    # evicted a moment ago, and not marked yet
    evicted = {
        name: at
        for name, at in (before.get("disruptedPods") or {}).items()
        if name in names and parse_time(at) + _FORGOTTEN_S > now
    }
    healthy = sum(
        is_active(each) and is_ready(each) and each["metadata"]["name"] not in evicted
        for each in pods
    )
    least = spec.get("minAvailable")
    if "maxUnavailable" in spec:
        expected = scale
        desired = max(0, scale - resolve(spec["maxUnavailable"], scale, up=True))
    elif isinstance(least, str):
        expected, desired = scale, resolve(least, scale, up=True)
    else:
        expected, desired = sum(map(is_active, pods)), int(least or 0)
    allowed = max(0, healthy - desired) if expected else 0
    answer = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    generation = budget["metadata"].get("generation", 1)
    known = before.get("conditions") or []
    return {
        **({"disruptedPods": evicted} if evicted else {}),
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": with_condition(
            known, "DisruptionAllowed", *answer, "", stamp, observedGeneration=generation
        ),
    }


class DisruptionController(Reconciler):
    """The controller; see the module.

    Args:
        cluster: whose.
        pods: by their owners.
    """

    def __init__(self, cluster: Cluster, pods: Owned) -> None:
        super().__init__(
            cluster, pods, "poddisruptionbudgets.policy", "PodDisruptionBudget", "controllermanager"
        )

    def observe(self, change: Change) -> None:
        key = change.now.key
        if key.resource == self._resource:
            self._noted[key] = None
        elif key.resource == "pods":
            for budget in self._store.list(self._resource, key.namespace):
                values = [each.value for each in (change.now, change.before) if each]
                if any(_covers(budget.value, each) for each in values):
                    self._noted[budget.key] = None
        elif key.resource in _SCALED:
            for budget in self._store.list(self._resource, key.namespace):
                self._noted[budget.key] = None

    def reconcile(self, owner: Object) -> None:
        pods = [
            each.value
            for each in self._store.list("pods", owner["metadata"]["namespace"])
            if _covers(owner, each.value)
        ]
        now, stamp = self._context.now(), self._context.timestamp()
        status = status_of(owner, pods, self._scale(pods), now, stamp)
        self.set_status(owner, status)
        if "disruptedPods" in status:
            self.later(owner, now + _FORGOTTEN_S)

    def _scale(self, pods: Sequence[Object]) -> int:
        """How many pods the controllers of ``pods`` want; those of nobody do not count."""
        found: dict[str, int] = {}
        for pod in pods:
            top = self._top(pod)
            if top is not None:
                found[top["metadata"]["uid"]] = int(dig(top, "spec", "replicas") or 0)
        return sum(found.values())

    def _top(self, value: Object) -> Object | None:
        """The controller above all controllers of an object."""
        reference = owner_of(value)
        if reference is None:
            return None
        resource = self._context.registry.of_kind(reference["apiVersion"], reference["kind"])
        if resource is None:
            return None
        key = self._context.key(resource, value["metadata"]["namespace"], reference["name"])
        stored = self._store.get(key)
        if stored is None or stored.value["metadata"]["uid"] != reference["uid"]:
            return None
        return self._top(stored.value) or stored.value


def _covers(budget: Object, pod: Object) -> bool:
    selector = dig(budget, "spec", "selector")
    labels = pod["metadata"].get("labels") or {}
    return selector is not None and matches_labels(from_object(selector), labels)
