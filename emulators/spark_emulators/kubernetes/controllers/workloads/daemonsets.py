"""Daemon sets: a pod on every node that takes it. ``decide`` is pure.

Source of the rules: the daemon set controller of Kubernetes 1.36. An update never makes a pod
before it has deleted another: ``maxSurge`` is taken for zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.scheduler import refusal_of
from spark_emulators.kubernetes.controllers.workloads.history import History
from spark_emulators.kubernetes.controllers.workloads.ordinals import REVISION, revision_of
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.pods import (
    available_at,
    from_template,
    is_available,
    is_ready,
    phase_of,
)
from spark_emulators.kubernetes.controllers.workloads.reconciler import MANAGER, Reconciler
from spark_emulators.kubernetes.controllers.workloads.rolling import resolve
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import Change, Object

__all__ = ["DaemonSetController", "Decision", "decide"]

_NODE = "node.kubernetes.io"
# what is wrong with a node is no reason for its daemons to leave it
_TOLERATED = (
    *((f"{_NODE}/{each}", "NoExecute") for each in ("not-ready", "unreachable")),
    *((f"{_NODE}/{each}", "NoSchedule") for each in (
        "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable",
    )),
)  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """What to do.

    Attributes:
        create: nodes that are to get a pod.
        delete: pods that are to go.
    """

    create: tuple[str, ...] = ()
    delete: tuple[Object, ...] = ()


def node_of(pod: Object) -> str:
    """The node that a pod is on, or is made for."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for term in (dig(pod, "spec", *path) or {}).get("nodeSelectorTerms") or ():
        for each in term.get("matchFields") or ():
            if each["key"] == "metadata.name":
                return str(each["values"][0])
    return ""


def eligible(owner: Object, nodes: Sequence[Object]) -> list[str]:
    """The names of the nodes that take pods of ``owner``."""
    spec = _tolerant(owner["spec"]["template"]["spec"])
    return [each["metadata"]["name"] for each in nodes if not refusal_of(spec, each)]


def _tolerant(spec: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = copy(dict(spec))
    found["tolerations"] = [
        *(found.get("tolerations") or ()),
        *({"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED),
    ]
    return found


def decide(
    owner: Object, pods: Sequence[Object], nodes: Sequence[str], newest: str, now: float
) -> Decision:
    """What brings one pod to each of ``nodes``, and the newest template to each pod.

    Args:
        pods: those it controls.
        nodes: those that take them.
        newest: the hash of the template.
        now: seconds since the epoch.
    """
    if "deletionTimestamp" in owner["metadata"]:
        return Decision()
    there: dict[str, list[Object]] = defaultdict(list)
    for each in pods:
        there[node_of(each)].append(each)
    create, delete = [], []
    for node in sorted({*nodes, *there}):
        alive = [each for each in there[node] if "deletionTimestamp" not in each["metadata"]]
        ended = [each for each in alive if phase_of(each) in ("Succeeded", "Failed")]
        running = [each for each in alive if each not in ended]
        delete += ended
        if node not in nodes:
            delete += running
        elif not there[node]:
            create.append(node)
        else:
            delete += sorted(running, key=_age)[1:]
    if create or delete:
        return Decision(tuple(create), tuple(delete))
    return Decision(delete=_outdated(owner, pods, len(nodes), newest, now))


def _age(pod: Object) -> tuple[bool, str]:
    return not is_ready(pod), pod["metadata"]["creationTimestamp"]


def _outdated(
    owner: Object, pods: Sequence[Object], count: int, newest: str, now: float
) -> tuple[Object, ...]:
    update = owner["spec"]["updateStrategy"]
    if update["type"] != "RollingUpdate":
        return ()
    most = resolve((update.get("rollingUpdate") or {}).get("maxUnavailable", 1), count, up=True)
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    alive = [each for each in pods if "deletionTimestamp" not in each["metadata"]]
    well = [each for each in alive if is_available(each, min_ready_s, now)]
    old = [each for each in alive if revision_of(each) != newest]
    room = max(0, max(1, most) - (count - len(well)))
    return (
        *(each for each in old if each not in well),
        *[each for each in old if each in well][:room],
    )


def status_of(
    owner: Object, pods: Sequence[Object], nodes: Sequence[str], newest: str, now: float
) -> dict[str, Any]:
    """What a set says of its pods; arguments as of ``decide``."""
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    by_node = {node_of(each): each for each in pods if phase_of(each)}
    placed = [each for node, each in by_node.items() if node in nodes]
    available = sum(is_available(each, min_ready_s, now) for each in placed)
    counts = {
        "updatedNumberScheduled": sum(revision_of(each) == newest for each in placed),
        "numberAvailable": available,
        "numberUnavailable": len(nodes) - available,
    }
    return {
        "currentNumberScheduled": len(placed),
        "numberMisscheduled": len(by_node) - len(placed),
        "desiredNumberScheduled": len(nodes),
        "numberReady": sum(is_ready(each) for each in placed),
        "observedGeneration": owner["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
    }


class DaemonSetController(Reconciler):
    """The controller; see the module.

    Args:
        cluster: whose.
        pods: by their owners.
        revisions: controller revisions by theirs.
    """

    def __init__(self, cluster: Cluster, pods: Owned, revisions: Owned) -> None:
        super().__init__(cluster, pods, "daemonsets.apps", "DaemonSet", "daemonset-controller")
        self._history = History(cluster, revisions, self.change, self.remove, REVISION)

    def observe(self, change: Change) -> None:
        super().observe(change)
        if change.now.key.resource != "nodes":
            return
        before = change.before.value if change.before else None
        if before is None or change.type == "DELETED" or _terms(before) != _terms(change.now.value):
            self._noted.update(dict.fromkeys(each.key for each in self._store.list(self._resource)))

    def reconcile(self, owner: Object) -> None:
        pods, now = self.claim(owner), self._context.now()
        nodes = eligible(owner, [each.value for each in self._store.list("nodes")])
        newest = self._history.newest(owner)["metadata"]["labels"][REVISION]
        decision = decide(owner, pods, nodes, newest, now)
        for node in decision.create:
            self._make(owner, node, newest)
        for each in decision.delete:
            self.remove(each)
            text = f"Deleted pod: {each['metadata']['name']}"
            self._recorder.normal(owner, "SuccessfulDelete", text)
        self.set_status(owner, status_of(owner, pods, nodes, newest, now))
        name = owner["metadata"]["name"]
        used = (f"{name}-{each}" for each in {newest, *map(revision_of, pods)})
        self._history.forget(owner, used)
        times = [available_at(each, owner["spec"].get("minReadySeconds", 0)) for each in pods]
        coming = [each for each in times if each is not None and each > now]
        if coming:
            self.later(owner, min(coming))

    def _make(self, owner: Object, node: str, revision: str) -> None:
        try:
            made = self._cluster.create(pod_of(owner, node, revision), MANAGER)
        except ApiError as error:
            self._recorder.warning(owner, "FailedCreate", f"Error creating: {error.message}")
            raise
        self._recorder.normal(owner, "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")


def pod_of(owner: Object, node: str, revision: str) -> Object:
    """The pod of a node."""
    pod = from_template(
        owner, owner["spec"]["template"], generateName=f"{owner['metadata']['name']}-"
    )
    generation = str(owner["metadata"]["generation"])
    pod["metadata"].setdefault("labels", {}).update(
        {REVISION: revision, "pod-template-generation": generation}
    )
    spec = pod["spec"] = _tolerant(pod["spec"])
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {
        "nodeSelectorTerms": [{"matchFields": [field]}]
    }
    return pod


def _terms(node: Object) -> tuple[Any, ...]:
    """All of a node that decides whose pods it takes."""
    spec = node["spec"]
    return node["metadata"].get("labels"), spec.get("taints"), spec.get("unschedulable")
