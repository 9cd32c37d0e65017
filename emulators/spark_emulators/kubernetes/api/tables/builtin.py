"""Columns of the built-in kinds, as the real server's printers have them."""

from __future__ import annotations

from spark_emulators.kubernetes.api.objects import dig, parse_time
from spark_emulators.kubernetes.api.tables.cells import NONE, at, containers, modes, selector
from spark_emulators.kubernetes.api.tables.cluster import CLUSTER_COLUMNS
from spark_emulators.kubernetes.api.tables.pods import POD_COLUMNS
from spark_emulators.kubernetes.api.tables.table import AGE, NAME, Cell, Column, age, duration
from spark_emulators.kubernetes.store.store import Object

__all__ = ["COLUMNS"]


def _count(*fields: str) -> Cell:
    return lambda value, _: sum(len(value.get(each) or ()) for each in fields)


def _integer(name: str, cell: Cell, wide: bool = False) -> Column:
    return Column(name, cell, wide, "integer")


def _ports(value: Object, _: float) -> str:
    ports = dig(value, "spec", "ports") or []
    shown = []
    for each in ports:
        text = str(each["port"])
        if each.get("nodePort"):
            text += f":{each['nodePort']}"
        shown.append(f"{text}/{each.get('protocol', 'TCP')}")
    return ",".join(shown) or NONE


def _external(value: Object, _: float) -> str:
    spec = value["spec"]
    kind, addresses = spec.get("type", "ClusterIP"), list(spec.get("externalIPs") or [])
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    if kind == "LoadBalancer":
        points = dig(value, "status", "loadBalancer", "ingress") or []
        addresses = [each.get("ip") or each.get("hostname", "") for each in points] + addresses
        return ",".join(addresses) or "<pending>"
    return ",".join(addresses) or NONE


def _ready_of(value: Object, _: float) -> str:
    ready, wanted = dig(value, "status", "readyReplicas") or 0, dig(value, "spec", "replicas") or 0
    return f"{ready}/{wanted}"


def _node_status(value: Object, _: float) -> str:
    conditions = dig(value, "status", "conditions") or []
    ready = next((each for each in conditions if each.get("type") == "Ready"), None)
    shown = ["Unknown"]
    if ready is not None:
        shown = ["Ready" if ready.get("status") == "True" else "NotReady"]
    if dig(value, "spec", "unschedulable"):
        shown.append("SchedulingDisabled")
    return ",".join(shown)


def _node_roles(value: Object, _: float) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = value["metadata"].get("labels") or {}
    return (
        ",".join(sorted(each[len(prefix) :] for each in labels if each.startswith(prefix))) or NONE
    )


def _address(kind: str) -> Cell:
    return lambda value, _: next(
        (
            each["address"]
            for each in dig(value, "status", "addresses") or ()
            if each.get("type") == kind
        ),
        NONE,
    )


def _job_status(value: Object, _: float) -> str:
    on = {
        each["type"]
        for each in dig(value, "status", "conditions") or ()
        if each["status"] == "True"
    }
    for condition, shown in (
        ("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):  # fmt: skip
        if condition in on:
            return shown
    return "Terminating" if value["metadata"].get("deletionTimestamp") else "Running"


def _job_completions(value: Object, _: float) -> str:
    done = dig(value, "status", "succeeded") or 0
    wanted, parallel = dig(value, "spec", "completions"), dig(value, "spec", "parallelism") or 0
    if wanted is not None:
        return f"{done}/{wanted}"
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_duration(value: Object, now: float) -> str:
    start, end = dig(value, "status", "startTime"), dig(value, "status", "completionTime")
    if not start:
        return ""
    return duration((parse_time(end) if end else now) - parse_time(start))


def _event_seen(*fields: str) -> Cell:
    def cell(value: Object, now: float) -> str:
        moments = [value.get(each) for each in (*fields, "eventTime")]
        return age(next((each for each in moments if each), None), now)

    return cell


def _message(value: Object, _: float) -> str:
    return str(value.get("message", value.get("note", ""))).strip()


def _event_about(value: Object, _: float) -> str:
    about = value.get("involvedObject") or value.get("regarding") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _capacity(value: Object, _: float) -> str:
    if not dig(value, "spec", "volumeName"):
        return ""
    return str(dig(value, "status", "capacity", "storage") or "")


def _claim_phase(value: Object, _: float) -> str:
    if value["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(dig(value, "status", "phase") or "")


_CONTAINERS = Column("Containers", containers("name", "spec", "template"), True)
_IMAGES = Column("Images", containers("image", "spec", "template"), True)
_SELECTOR = Column("Selector", selector("spec", "selector"), True)
_REPLICAS = (
    _integer("Desired", at("spec", "replicas", absent=0)),
    _integer("Current", at("status", "replicas", absent=0)),
    _integer("Ready", at("status", "readyReplicas", absent=0)),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    **CLUSTER_COLUMNS,
    "pods": POD_COLUMNS,
    "configmaps": (NAME, Column("Data", _count("data", "binaryData")), AGE),
    "secrets": (NAME, Column("Type", at("type")), Column("Data", _count("data")), AGE),
    "namespaces": (NAME, Column("Status", at("status", "phase")), AGE),
    "serviceaccounts": (NAME, AGE),
    "services": (
        NAME,
        Column("Type", at("spec", "type")),
        Column("Cluster-IP", at("spec", "clusterIP", absent=NONE)),
        Column("External-IP", _external),
        Column("Port(s)", _ports),
        AGE,
        Column("Selector", selector("spec", "selector"), True),
    ),
    "nodes": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        Column("Version", at("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", _address("InternalIP"), True),
        Column("External-IP", _address("ExternalIP"), True),
        Column("OS-Image", at("status", "nodeInfo", "osImage"), True),
        Column("Kernel-Version", at("status", "nodeInfo", "kernelVersion"), True),
        Column("Container-Runtime", at("status", "nodeInfo", "containerRuntimeVersion"), True),
    ),
    "events": (
        Column("Last Seen", _event_seen("lastTimestamp")),
        Column("Type", at("type")),
        Column("Reason", at("reason")),
        Column("Object", _event_about),
        Column("Subobject", at("involvedObject", "fieldPath"), True),
        Column("Source", at("source", "component"), True),
        Column("Message", _message),
        Column("First Seen", _event_seen("firstTimestamp"), True),
        Column("Count", at("count", absent=1), True),
        Column("Name", at("metadata", "name"), True),
    ),
    "deployments.apps": (
        NAME,
        Column("Ready", _ready_of),
        Column("Up-to-date", at("status", "updatedReplicas", absent=0)),
        Column("Available", at("status", "availableReplicas", absent=0)),
        AGE,
        _CONTAINERS,
        _IMAGES,
        _SELECTOR,
    ),
    "replicasets.apps": (NAME, *_REPLICAS, AGE, _CONTAINERS, _IMAGES, _SELECTOR),
    "replicationcontrollers": (NAME, *_REPLICAS, AGE, _CONTAINERS, _IMAGES, _SELECTOR),
    "statefulsets.apps": (NAME, Column("Ready", _ready_of), AGE, _CONTAINERS, _IMAGES),
    "daemonsets.apps": (
        NAME,
        _integer("Desired", at("status", "desiredNumberScheduled", absent=0)),
        _integer("Current", at("status", "currentNumberScheduled", absent=0)),
        _integer("Ready", at("status", "numberReady", absent=0)),
        _integer("Up-to-date", at("status", "updatedNumberScheduled", absent=0)),
        _integer("Available", at("status", "numberAvailable", absent=0)),
        Column("Node Selector", selector("spec", "template", "spec", "nodeSelector")),
        AGE,
        _CONTAINERS,
        _IMAGES,
        _SELECTOR,
    ),
    "jobs.batch": (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        _CONTAINERS,
        _IMAGES,
        _SELECTOR,
    ),
    "persistentvolumeclaims": (
        NAME,
        Column("Status", _claim_phase),
        Column("Volume", at("spec", "volumeName")),
        Column("Capacity", _capacity),
        Column("Access Modes", modes("status", "accessModes")),
        Column("StorageClass", at("spec", "storageClassName")),
        Column("VolumeAttributesClass", at("spec", "volumeAttributesClassName", absent="<unset>")),
        AGE,
        Column("VolumeMode", at("spec", "volumeMode"), True),
    ),
    "leases.coordination.k8s.io": (NAME, Column("Holder", at("spec", "holderIdentity")), AGE),
    "resourcequotas": (
        NAME,
        Column("Request", lambda value, _: _quota(value, requests=True)),
        Column("Limit", lambda value, _: _quota(value, requests=False)),
        AGE,
    ),
    "poddisruptionbudgets.policy": (
        NAME,
        Column("Min Available", at("spec", "minAvailable", absent="N/A")),
        Column("Max Unavailable", at("spec", "maxUnavailable", absent="N/A")),
        _integer("Allowed Disruptions", at("status", "disruptionsAllowed", absent=0)),
        AGE,
    ),
}  # fmt: skip


def _quota(value: Object, *, requests: bool) -> str:
    hard, used = dig(value, "status", "hard") or {}, dig(value, "status", "used") or {}
    names = sorted(each for each in hard if each.startswith("limits.") != requests)
    return ", ".join(f"{each}: {used.get(each, '0')}/{hard[each]}" for each in names)
