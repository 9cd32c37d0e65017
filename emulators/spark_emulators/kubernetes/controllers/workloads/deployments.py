"""Deployments: replica sets of one template after the other.

What sizes they get is in ``rolling``, what is said of them in ``progress``; here is the order in
which things are done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads import progress, rolling
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.pods import condition, phase_of
from spark_emulators.kubernetes.controllers.workloads.reconciler import (
    MANAGER,
    Reconciler,
    controller_reference,
)
from spark_emulators.kubernetes.controllers.workloads.revisions import (
    DESIRED,
    HASH,
    MOST,
    REVISION,
    annotations_of,
    hash_of,
    revision_of,
    same,
)
from spark_emulators.kubernetes.controllers.workloads.rolling import Bounds, Replicas
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import Change, Key, Object

__all__ = ["DeploymentController"]


class DeploymentController(Reconciler):
    """The controller; see the module.

    Args:
        cluster: whose.
        sets: replica sets by their owners.
        pods: by theirs.
    """

    def __init__(self, cluster: Cluster, sets: Owned, pods: Owned) -> None:
        super().__init__(cluster, sets, "deployments.apps", "Deployment", "deployment-controller")
        self._pods = pods

    def observe(self, change: Change) -> None:
        super().observe(change)
        if change.now.key.resource != "pods" or change.type == "ADDED":
            return
        # a deployment that recreates its pods waits for the last to go
        owner = next(iter(change.now.value["metadata"].get("ownerReferences") or ()), None)
        if owner and owner["kind"] == "ReplicaSet":
            key = Key("replicasets.apps", change.now.key.namespace, owner["name"])
            stored = self._store.get(key)
            if stored is not None:
                self._note_recreating(stored.value)

    def _note_recreating(self, value: Object) -> None:
        for each in value["metadata"].get("ownerReferences") or ():
            key = Key(self._resource, value["metadata"]["namespace"], each["name"])
            stored = self._store.get(key)
            if stored and dig(stored.value, "spec", "strategy", "type") == "Recreate":
                self._noted[key] = None

    def reconcile(self, owner: Object) -> None:
        sets = sorted(self.claim(owner), key=_age)
        new = next((each for each in sets if same(_template(each), _template(owner))), None)
        old = [each for each in sets if each is not new]
        limits = rolling.bounds(owner["spec"])
        if "deletionTimestamp" in owner["metadata"]:
            self._say(owner, new, old, limits)
        elif self._resize(owner, new, old, limits) or owner["spec"].get("paused"):
            self._say(owner, new, old, limits)
            self._clean_up(owner, old, complete=bool(owner["spec"].get("paused")))
        else:
            self._roll_out(owner, new, old, limits)

    def _roll_out(
        self, owner: Object, new: Object | None, old: list[Object], limits: Bounds
    ) -> None:
        recreate = dig(owner, "spec", "strategy", "type") == "Recreate"
        if recreate and (self._scale_down(owner, old) or self._old_runs(old)):
            self._say(owner, new, old, limits)
            return
        found = ""
        if new is None:
            new = self._make(owner, old, limits)
            found = "NewReplicaSetCreated"
        else:
            self._annotate(owner, new, old, limits)
            found = "" if condition(owner, "Progressing") else "FoundNewReplicaSet"
        sizes = rolling.roll(limits, _replicas(new), [_replicas(each) for each in old])
        if found != "NewReplicaSetCreated":
            for each in (new, *old):
                if each["metadata"]["name"] in sizes:
                    self._scale(owner, each, sizes[each["metadata"]["name"]], limits)
        status = self._say(owner, new, old, limits, found)
        self._clean_up(owner, old, complete=progress.is_complete(owner, status))

    def _old_runs(self, old: Sequence[Object]) -> bool:
        pods = (pod for each in old for pod in self._pods.of(each["metadata"]["uid"]))
        return any(phase_of(each) not in ("Succeeded", "Failed") for each in pods)

    def _scale_down(self, owner: Object, old: Sequence[Object]) -> bool:
        active = [each for each in old if each["spec"]["replicas"]]
        for each in active:
            self._scale(owner, each, 0, rolling.bounds(owner["spec"]))
        return bool(active)

    def _resize(
        self, owner: Object, new: Object | None, old: Sequence[Object], limits: Bounds
    ) -> bool:
        """Follow a change of the deployment's own number; returns whether there was one."""
        sets = [*old, *([new] if new else [])]
        active = [each for each in sets if each["spec"]["replicas"]]
        desired = [(each["metadata"].get("annotations") or {}).get(DESIRED) for each in active]
        if all(each in (None, str(limits.replicas)) for each in desired) and not (
            owner["spec"].get("paused") and new and not active
        ):
            return False
        sizes: Mapping[str, int]
        last = active[0] if len(active) == 1 else None
        if last is None and not active:
            last = new
        if last is not None:
            sizes = {last["metadata"]["name"]: limits.replicas}
        elif new is not None and _saturated(owner, new):
            sizes = {each["metadata"]["name"]: 0 for each in old}
        else:
            newest = [_replicas(each) for each in reversed(active)]
            sizes = rolling.proportional(limits, newest)
        for each in active or sets:
            size = sizes.get(each["metadata"]["name"], each["spec"]["replicas"])
            self._scale(owner, each, size, limits)
        return True

    def _make(self, owner: Object, old: Sequence[Object], limits: Bounds) -> Object:
        """The replica set of the deployment's template."""
        collisions = (owner.get("status") or {}).get("collisionCount", 0)
        template = copy(_template(owner))
        mark = hash_of(template, collisions)
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels[HASH] = mark
        selector = copy(owner["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH] = mark
        size = rolling.first_size(limits, [_replicas(each) for each in old])
        spec = {"replicas": size, "selector": selector, "template": template}
        if owner["spec"].get("minReadySeconds"):
            spec["minReadySeconds"] = owner["spec"]["minReadySeconds"]
        annotations = annotations_of(owner, None, old, limits.replicas + limits.surge)
        value = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{owner['metadata']['name']}-{mark}",
                "namespace": owner["metadata"]["namespace"],
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [controller_reference(owner)],
            },
            "spec": spec,
        }
        try:
            made = self._cluster.create(value, MANAGER)
        except ApiError as error:
            if error.reason == "AlreadyExists":
                status = {**(owner.get("status") or {}), "collisionCount": collisions + 1}
                self.set_status(owner, status)
            raise
        if size:
            text = f"Scaled up replica set {made['metadata']['name']} from 0 to {size}"
            self._recorder.normal(owner, "ScalingReplicaSet", text)
        self._number(owner, annotations[REVISION])
        return made

    def _annotate(self, owner: Object, new: Object, old: Sequence[Object], limits: Bounds) -> None:
        wanted = annotations_of(owner, new, old, limits.replicas + limits.surge)
        self._number(owner, wanted[REVISION])
        changes: dict[str, Any] = {}
        if wanted != (new["metadata"].get("annotations") or {}):
            changes["metadata"] = {"annotations": wanted}
        min_ready_s = owner["spec"].get("minReadySeconds", 0)
        if min_ready_s != new["spec"].get("minReadySeconds", 0):
            changes["spec"] = {"minReadySeconds": min_ready_s or None}
        if changes:
            self.change(new, changes)

    def _number(self, owner: Object, revision: str) -> None:
        if (owner["metadata"].get("annotations") or {}).get(REVISION) != revision:
            self.change(owner, {"metadata": {"annotations": {REVISION: revision}}})

    def _scale(self, owner: Object, value: Object, size: int, limits: Bounds) -> None:
        was, name = value["spec"]["replicas"], value["metadata"]["name"]
        annotations = {
            DESIRED: str(limits.replicas), MOST: str(limits.replicas + limits.surge),
        }  # fmt: skip
        self.change(value, {"metadata": {"annotations": annotations}, "spec": {"replicas": size}})
        if size != was:
            way = "up" if size > was else "down"
            text = f"Scaled {way} replica set {name} from {was} to {size}"
            self._recorder.normal(owner, "ScalingReplicaSet", text)

    def _say(
        self, owner: Object, new: Object | None, old: Sequence[Object], limits: Bounds,
        found: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        now, stamp = self._context.now(), self._context.timestamp()
        status = progress.status_of(owner, new, old, limits, now, stamp, found)
        self.set_status(owner, status)
        at = progress.deadline_of({**owner, "status": status})
        if at is not None:
            # times are written in whole seconds: the deadline may be part of one away
            self.later(owner, max(at, now + 1))
        return status

    def _clean_up(self, owner: Object, old: Sequence[Object], *, complete: bool) -> None:
        limit = owner["spec"].get("revisionHistoryLimit")
        if not complete or limit is None:
            return
        idle = [each for each in old if "deletionTimestamp" not in each["metadata"]]
        for each in sorted(idle, key=revision_of)[: max(0, len(idle) - limit)]:
            status = each.get("status") or {}
            if not each["spec"]["replicas"] and not status.get("replicas"):
                self.remove(each)


def _template(value: Object) -> dict[str, Any]:
    found: dict[str, Any] = value["spec"]["template"]
    return found


def _age(value: Object) -> tuple[str, str]:
    return value["metadata"]["creationTimestamp"], value["metadata"]["name"]


def _saturated(owner: Object, new: Object) -> bool:
    wanted = owner["spec"]["replicas"]
    annotations = new["metadata"].get("annotations") or {}
    available = (new.get("status") or {}).get("availableReplicas", 0)
    return new["spec"]["replicas"] == wanted == available and annotations.get(DESIRED) == str(
        wanted
    )


def _replicas(value: Object) -> Replicas:
    most = (value["metadata"].get("annotations") or {}).get(MOST, "0")
    return Replicas(
        value["metadata"]["name"],
        value["spec"]["replicas"],
        (value.get("status") or {}).get("availableReplicas", 0),
        int(most) if most.isdigit() else 0,
    )
