"""The scheduler: gives each pending pod a node that fits, and says why where none does.

``choose`` is pure. Of the real scheduler's filters it knows those that say where a pod may run:
resources, node selector and required affinity, taints, and nodes that are cordoned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from spark_emulators.kubernetes.api import podactions, quantities
from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.events import Recorder
from spark_emulators.kubernetes.faults import DELAY, Asked
from spark_emulators.kubernetes.store.store import DELETED, Change, Object

__all__ = ["Scheduler", "choose", "refusal_of", "requests_of"]

_NAME = "default-scheduler"
_USER = "system:kube-scheduler"
_FINAL = ("Succeeded", "Failed")
_HELD = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Verdict:
    """Where a pod goes.

    Attributes:
        node: the node's name; empty where none fits.
        message: why none does, as the real scheduler puts it.
    """

    node: str
    message: str = ""


def requests_of(pod: Object) -> dict[str, Decimal]:
    """What a pod asks of a node: its containers together, or its largest init container."""
    spec = pod["spec"]
    main = _sum(each.get("resources") or {} for each in spec["containers"])
    for each in spec.get("initContainers") or ():
        for name, amount in _sum([each.get("resources") or {}]).items():
            main[name] = max(main.get(name, Decimal(0)), amount)
    for name, text in (spec.get("overhead") or {}).items():
        main[name] = main.get(name, Decimal(0)) + quantities.parse(text)
    main["pods"] = Decimal(1)
    return main


def _sum(resources: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for each in resources:
        for name, text in (each.get("requests") or {}).items():
            total[name] = total.get(name, Decimal(0)) + quantities.parse(text)
    return total


def choose(pod: Object, nodes: Sequence[Object], pods: Iterable[Object]) -> Verdict:
    """The node with the most room left of those that fit.

    Args:
        pods: those that have a node.
    """
    used: dict[str, Counter[str]] = {each["metadata"]["name"]: Counter() for each in nodes}
    for each in pods:
        node = each["spec"].get("nodeName")
        if node in used and dig(each, "status", "phase") not in _FINAL:
            used[node].update(requests_of(each))
    wanted = requests_of(pod)
    faults: Counter[str] = Counter()
    fitting = []
    for node in nodes:
        name = node["metadata"]["name"]
        wrong = _faults(pod, node, wanted, used[name])
        faults.update(wrong)
        if not wrong:
            fitting.append((_load(node, used[name], wanted), name))
    if fitting:
        return Verdict(min(fitting)[1])
    if not nodes:
        return Verdict("", "no nodes available to schedule pods")
    why = ", ".join(f"{count} {text}" for text, count in sorted(faults.items()))
    return Verdict(
        "", f"0/{len(nodes)} nodes are available: {why}. no new claims to deallocate,"
        f" preemption: 0/{len(nodes)} nodes are available: {len(nodes)} No preemption victims found"
        " for incoming pod.",
    )  # fmt: skip


def _load(node: Object, used: Mapping[str, Any], wanted: Mapping[str, Decimal]) -> Decimal:
    allocatable = node["status"].get("allocatable") or {}
    shares = [
        (Decimal(used.get(name, 0)) + wanted.get(name, Decimal(0)))
        / quantities.parse(allocatable[name])
        for name in ("cpu", "memory", "pods")
        if name in allocatable and quantities.parse(allocatable[name])
    ]
    return sum(shares, Decimal(0))


def _faults(
    pod: Object, node: Object, wanted: Mapping[str, Decimal], used: Mapping[str, Any]
) -> list[str]:
    """Why a pod cannot be on a node; the first reason that the real scheduler would give."""
    refusal = refusal_of(pod["spec"], node)
    if refusal:
        return [refusal]
    allocatable = node["status"].get("allocatable") or {}
    short = []
    for name, amount in wanted.items():
        have = quantities.parse(allocatable.get(name, "110" if name == "pods" else "0"))
        if amount > have - Decimal(used.get(name, 0)):
            short.append("Too many pods" if name == "pods" else f"Insufficient {name}")
    return short


def refusal_of(spec: Mapping[str, Any], node: Object) -> str:
    """Why a node does not take pods with ``spec``, however much room there is; empty if it does."""
    if node["spec"].get("unschedulable") and not _tolerated(
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, spec
    ):
        return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or ():
        if taint.get("effect") in _HELD and not _tolerated(taint, spec):
            return f"node(s) had untolerated taint(s) {{{taint['key']}: {taint.get('value', '')}}}"
    if not _selected(spec, node):
        return "node(s) didn't match Pod's node affinity/selector"
    return ""


def _tolerated(taint: Mapping[str, str], spec: Mapping[str, Any]) -> bool:
    for each in spec.get("tolerations") or ():
        if each.get("effect") not in (None, "", taint.get("effect")):
            continue
        if not each.get("key") and each.get("operator") == "Exists":
            return True
        if each.get("key") == taint.get("key") and (
            each.get("operator") == "Exists" or each.get("value", "") == taint.get("value", "")
        ):
            return True
    return False


def _selected(spec: Mapping[str, Any], node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    needed = dig(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = (needed or {}).get("nodeSelectorTerms")
    if not terms:
        return True
    return any(_matches(term, labels, node["metadata"]["name"]) for term in terms)


def _matches(term: Mapping[str, Any], labels: Mapping[str, str], name: str) -> bool:
    fields = {"metadata.name": name}
    return all(_holds(each, labels) for each in term.get("matchExpressions") or ()) and all(
        _holds(each, fields) for each in term.get("matchFields") or ()
    )


def _holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement["key"]), requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(values[0])
        case "Lt":
            return value is not None and int(value) < int(values[0])
    return False


class Scheduler:
    """The controller; see the module.

    Args:
        cluster: whose pods.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._context = cluster.context
        self._recorder = Recorder(cluster, _NAME)
        self._pending: dict[tuple[str, str], None] = {}
        self._waiting: dict[tuple[str, str], None] = {}
        # those whose binding is slow on purpose, and until when
        self._slow: dict[tuple[str, str], float] = {}

    def observe(self, change: Change) -> None:
        key, value = change.now.key, change.now.value
        if key.resource == "nodes":
            self._again()
        if key.resource != "pods":
            return
        name = (key.namespace, key.name)
        if change.type == DELETED or value["spec"].get("nodeName"):
            self._pending.pop(name, None)
            self._waiting.pop(name, None)
            self._slow.pop(name, None)
            if change.type == DELETED or dig(value, "status", "phase") in _FINAL:
                self._again()
        elif value["spec"].get("schedulerName") == _NAME and name not in self._waiting:
            self._pending[name] = None

    def _again(self) -> None:
        """There may be room now."""
        self._pending.update(self._waiting)
        self._waiting.clear()

    def next_due(self) -> float | None:
        return min(self._slow.values(), default=None)

    def work(self) -> None:
        pending, self._pending = {**self._slow, **self._pending}, {}
        for namespace, name in pending:
            pod = self._context.find("pods", namespace, name)
            if (
                pod is None
                or pod["spec"].get("nodeName")
                or pod["metadata"].get("deletionTimestamp")
            ):
                continue
            if pod["spec"].get("schedulingGates"):
                continue
            self._place(pod)

    def _place(self, pod: Object) -> None:
        store, metadata = self._context.store, pod["metadata"]
        nodes = [each.value for each in store.list("nodes")]
        verdict = choose(pod, nodes, (each.value for each in store.list("pods")))
        if not verdict.node:
            self._waiting[metadata["namespace"], metadata["name"]] = None
            self._cannot(pod, verdict.message)
            return
        if self._is_slow(metadata["namespace"], metadata["name"]):
            return
        target = {"target": {"kind": "Node", "name": verdict.node}}
        try:
            podactions.bind(
                self._context, metadata["namespace"], metadata["name"], target, WriteOptions()
            )
        except ApiError as error:
            if error.code not in (404, 409):
                raise
            return
        text = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {verdict.node}"
        self._recorder.normal(pod, "Scheduled", text)

    def _is_slow(self, namespace: str, name: str) -> bool:
        """Whether a pod's binding has to wait, because somebody wants it to."""
        now = self._context.now()
        if (namespace, name) not in self._slow:
            asked = Asked("create", "pods/binding", namespace, name, _USER)
            rule = self._cluster.faults.take(asked, DELAY)
            if rule is None:
                return False
            self._slow[namespace, name] = now + rule.delay_s
        return self._slow[namespace, name] > now

    def _cannot(self, pod: Object, message: str) -> None:
        now = self._context.timestamp()
        condition = {
            "type": "PodScheduled",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": now,
            "reason": "Unschedulable",
            "message": message,
        }
        value: Object = copy(pod)
        conditions = value["status"].setdefault("conditions", [])
        known = next((each for each in conditions if each["type"] == "PodScheduled"), None)
        if known and known.get("message") == message:
            return
        conditions[:] = [each for each in conditions if each["type"] != "PodScheduled"]
        conditions.append(condition)
        self._cluster.update(value, WriteOptions(manager="kube-scheduler"), subresource="status")
        self._recorder.warning(pod, "FailedScheduling", message)
