"""Replica sets: as many pods as they say.

``decide`` is pure. Source of the rules: the replica set controller of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api.objects import owner_of
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.pods import (
    available_at,
    from_template,
    is_active,
    is_available,
    is_ready,
    is_terminating,
    ranked,
)
from spark_emulators.kubernetes.controllers.workloads.reconciler import (
    MANAGER,
    Reconciler,
    with_condition,
)
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import Object

__all__ = ["Decision", "ReplicaSetController", "decide", "status_of"]

_BURST = 500


@dataclass(frozen=True)
class Decision:
    """What to do.

    Attributes:
        create: how many pods to make.
        delete: which to delete, in this order.
    """

    create: int = 0
    delete: tuple[Object, ...] = ()


def decide(
    owner: Object, pods: Sequence[Object], neighbours: Sequence[Object], now: float
) -> Decision:
    """What brings ``pods`` to the number that ``owner`` wants.

    Args:
        pods: those it controls.
        neighbours: see ``ranked``.
        now: seconds since the epoch.
    """
    if "deletionTimestamp" in owner["metadata"]:
        return Decision()
    active = [each for each in pods if is_active(each)]
    surplus = len(active) - owner["spec"]["replicas"]
    if surplus <= 0:
        return Decision(create=min(-surplus, _BURST))
    first = ranked(active, neighbours, now) if surplus < len(active) else active
    return Decision(delete=tuple(first[: min(surplus, _BURST)]))


def status_of(
    owner: Object, pods: Sequence[Object], now: float, failure: str, stamp: str
) -> dict[str, Any]:
    """What ``owner`` says of its pods.

    Args:
        failure: why a pod was refused; empty where none was.
        stamp: now, as objects write it.
    """
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    active = [each for each in pods if is_active(each)]
    counts = {
        "fullyLabeledReplicas": sum(_labelled(each, labels) for each in active),
        "readyReplicas": sum(is_ready(each) for each in active),
        "availableReplicas": sum(is_available(each, min_ready_s, now) for each in active),
    }
    known = (owner.get("status") or {}).get("conditions") or []
    conditions = [each for each in known if each["type"] != "ReplicaFailure"]
    if failure:
        # it says what was refused first: each refusal names another pod
        conditions = known
        if not any(each["type"] == "ReplicaFailure" for each in known):
            conditions = with_condition(
                known, "ReplicaFailure", "True", "FailedCreate", failure, stamp
            )
    return {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": sum(is_terminating(each) for each in pods),
        "observedGeneration": owner["metadata"]["generation"],
        **({"conditions": conditions} if conditions else {}),
    }


def _labelled(pod: Object, labels: Mapping[str, str]) -> bool:
    return labels.items() <= (pod["metadata"].get("labels") or {}).items()


class ReplicaSetController(Reconciler):
    """The controller; see the module.

    Args:
        cluster: whose.
        pods: by their owners.
        sets: replica sets by theirs.
    """

    def __init__(self, cluster: Cluster, pods: Owned, sets: Owned) -> None:
        super().__init__(cluster, pods, "replicasets.apps", "ReplicaSet", "replicaset-controller")
        self._sets = sets

    def reconcile(self, owner: Object) -> None:
        pods, now = self.claim(owner), self._context.now()
        decision = decide(owner, pods, self._neighbours(owner, pods), now)
        failure = self._create(owner, decision.create) if decision.create else None
        for each in decision.delete:
            self.remove(each)
            text = f"Deleted pod: {each['metadata']['name']}"
            self._recorder.normal(owner, "SuccessfulDelete", text)
        if decision != Decision() and failure is None:
            # what was done comes back as changes, and is counted then
            return
        refusal = failure.message if failure else ""
        self.set_status(owner, status_of(owner, pods, now, refusal, self._context.timestamp()))
        if failure is not None:
            raise failure
        self._wait_for_availability(owner, pods, now)

    def _neighbours(self, owner: Object, pods: Sequence[Object]) -> list[Object]:
        above = owner_of(owner)
        if above is None:
            return list(pods)
        sets = self._sets.of(above["uid"])
        return [pod for each in sets for pod in self._owned.of(each["metadata"]["uid"])]

    def _create(self, owner: Object, count: int) -> ApiError | None:
        """Make pods until one is refused; returns the refusal."""
        prefix = f"{owner['metadata']['name']}-"
        for _ in range(count):
            pod = from_template(owner, owner["spec"]["template"], generateName=prefix)
            try:
                made = self._cluster.create(pod, MANAGER)
            except ApiError as error:
                self._recorder.warning(owner, "FailedCreate", f"Error creating: {error.message}")
                return error
            text = f"Created pod: {made['metadata']['name']}"
            self._recorder.normal(owner, "SuccessfulCreate", text)
        return None

    def _wait_for_availability(self, owner: Object, pods: Sequence[Object], now: float) -> None:
        min_ready_s = owner["spec"].get("minReadySeconds", 0)
        times = [available_at(each, min_ready_s) for each in pods if is_active(each)]
        coming = [each for each in times if each is not None and each > now]
        if coming:
            self.later(owner, min(coming))
