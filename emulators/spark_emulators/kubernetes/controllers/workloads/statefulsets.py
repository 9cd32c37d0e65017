"""Stateful sets: pods with names that stay, in an order.

What is done next is in ``ordinals``; here are the revisions, the claims and the status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads import ordinals
from spark_emulators.kubernetes.controllers.workloads.history import History
from spark_emulators.kubernetes.controllers.workloads.ordinals import revision_of
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.pods import (
    available_at,
    is_available,
    is_ready,
    phase_of,
)
from spark_emulators.kubernetes.controllers.workloads.reconciler import (
    MANAGER,
    Reconciler,
)
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import Key, Object

__all__ = ["StatefulSetController"]


class StatefulSetController(Reconciler):
    """The controller; see the module.

    Args:
        cluster: whose.
        pods: by their owners.
        revisions: controller revisions by theirs.
    """

    def __init__(self, cluster: Cluster, pods: Owned, revisions: Owned) -> None:
        super().__init__(
            cluster, pods, "statefulsets.apps", "StatefulSet", "statefulset-controller"
        )
        self._history = History(cluster, revisions, self.change, self.remove)

    def adopts(self, owner: Object, orphan: Object) -> bool:
        return super().adopts(owner, orphan) and ordinals.ordinal_of(owner, orphan) >= 0

    def reconcile(self, owner: Object) -> None:
        pods, now = self.claim(owner), self._context.now()
        newest = self._history.newest(owner)
        known = {each["metadata"]["name"]: each for each in self._history.of(owner)}
        current = known.get(dig(owner, "status", "currentRevision") or "", newest)
        names = current["metadata"]["name"], newest["metadata"]["name"]
        step = ordinals.decide(owner, pods, *names, now)
        for ordinal, is_newest in step.create:
            self._make(owner, newest if is_newest else current, ordinal)
        for each in step.delete:
            self.remove(each)
            self._tell(owner, "Delete", each["metadata"]["name"])
        self.set_status(owner, status_of(owner, pods, *names, now))
        self._history.forget(owner, {*names, *map(revision_of, pods)})
        self._wait_for_availability(owner, pods, now)

    def _make(self, owner: Object, revision: Object, ordinal: int) -> None:
        name = f"{owner['metadata']['name']}-{ordinal}"
        for each in ordinals.claims_of(owner, ordinal):
            key = Key("persistentvolumeclaims", *_place(each))
            if self._store.get(key) is None:
                self._cluster.create(each, MANAGER)
                text = (
                    f"Create Claim {key.name} Pod {name} in StatefulSet"
                    f" {owner['metadata']['name']} success"
                )
                self._recorder.normal(owner, "SuccessfulCreate", text)
        template = revision["data"]["spec"]["template"]
        pod = ordinals.pod_of(owner, template, ordinal, revision["metadata"]["name"])
        try:
            self._cluster.create(pod, MANAGER)
        except ApiError as error:
            text = (
                f"Create Pod {name} in StatefulSet {owner['metadata']['name']} failed error:"
                f" {error.message}"
            )
            self._recorder.warning(owner, "FailedCreate", text)
            raise
        self._tell(owner, "Create", name)

    def _tell(self, owner: Object, verb: str, pod: str) -> None:
        text = f"{verb} Pod {pod} in StatefulSet {owner['metadata']['name']} successful"
        self._recorder.normal(owner, f"Successful{verb}", text)

    def _wait_for_availability(self, owner: Object, pods: Sequence[Object], now: float) -> None:
        min_ready_s = owner["spec"].get("minReadySeconds", 0)
        times = [available_at(each, min_ready_s) for each in pods]
        coming = [each for each in times if each is not None and each > now]
        if coming:
            self.later(owner, min(coming))


def status_of(
    owner: Object, pods: Sequence[Object], current: str, newest: str, now: float
) -> dict[str, Any]:
    """What a set says of its pods.

    Args:
        current: the revision that was rolled out last.
        newest: that of the template.
        now: seconds since the epoch.
    """
    before: Mapping[str, Any] = owner.get("status") or {}
    spec = owner["spec"]
    min_ready_s = spec.get("minReadySeconds", 0)
    made = [each for each in pods if phase_of(each)]
    alive = [each for each in made if "deletionTimestamp" not in each["metadata"]]
    ready = [each for each in made if phase_of(each) == "Running" and is_ready(each)]
    counts = {
        "readyReplicas": len(ready),
        "currentReplicas": sum(revision_of(each) == current for each in alive),
        "updatedReplicas": sum(revision_of(each) == newest for each in alive),
    }
    updated = [each for each in ready if revision_of(each) == newest]
    rolled = spec["updateStrategy"]["type"] == "RollingUpdate" and (
        len(made) == len(updated) == spec["replicas"]
    )
    if rolled:
        current, counts["currentReplicas"] = newest, counts["updatedReplicas"]
    return {
        "observedGeneration": owner["metadata"]["generation"],
        "replicas": len(made),
        **{name: count for name, count in counts.items() if count},
        "currentRevision": current,
        "updateRevision": newest,
        "collisionCount": before.get("collisionCount", 0),
        "availableReplicas": sum(is_available(each, min_ready_s, now) for each in ready),
    }


def _place(value: Object) -> tuple[str, str]:
    return value["metadata"]["namespace"], value["metadata"]["name"]
