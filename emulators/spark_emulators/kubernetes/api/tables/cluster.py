"""Columns of the cluster's own kinds: storage, access, network, schedules."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.tables.cells import NONE, at, containers, modes, selector
from spark_emulators.kubernetes.api.tables.table import AGE, NAME, Cell, Column, age
from spark_emulators.kubernetes.store.store import Object

__all__ = ["CLUSTER_COLUMNS"]

_MOST_SHOWN = 3


def _yes(*path: str, absent: bool = False) -> Cell:
    return lambda value, _: str(bool(dig(value, *path) or absent)).lower()


def _subjects(kind: str) -> Cell:
    def cell(value: Object, _: float) -> str:
        found = []
        for each in value.get("subjects") or ():
            if each.get("kind") == kind:
                named = kind == "ServiceAccount"
                found.append(
                    f"{each.get('namespace', '')}/{each['name']}" if named else each["name"]
                )
        return ", ".join(found)

    return cell


def _role(value: Object, _: float) -> str:
    return f"{value['roleRef']['kind']}/{value['roleRef']['name']}"


def _claim(value: Object, _: float) -> str:
    claim = dig(value, "spec", "claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _last_schedule(value: Object, now: float) -> str:
    last = dig(value, "status", "lastScheduleTime")
    return age(last, now) if last else NONE


def _shortened(found: list[str]) -> str:
    if not found:
        return "<unset>"
    rest = len(found) - _MOST_SHOWN
    text = ",".join(found[:_MOST_SHOWN])
    return f"{text} + {rest} more..." if rest > 0 else text


def _slice_ports(value: Object, _: float) -> str:
    return _shortened([str(each.get("port", "*")) for each in value.get("ports") or ()])


def _slice_endpoints(value: Object, _: float) -> str:
    return _shortened(
        [one for each in value.get("endpoints") or () for one in each.get("addresses") or ()]
    )


def _endpoints(value: Object, _: float) -> str:
    found = []
    for subset in value.get("subsets") or ():
        ports: list[dict[str, Any]] = subset.get("ports") or [{}]
        for port in ports:
            for address in subset.get("addresses") or ():
                number = port.get("port")
                found.append(f"{address['ip']}:{number}" if number else address["ip"])
    return _shortened(found) if found else NONE


def _hosts(value: Object, _: float) -> str:
    hosts = [each["host"] for each in dig(value, "spec", "rules") or () if each.get("host")]
    return _shortened(hosts) if hosts else "*"


def _ingress_address(value: Object, _: float) -> str:
    points = dig(value, "status", "loadBalancer", "ingress") or []
    return ",".join(each.get("ip") or each.get("hostname", "") for each in points)


def _suspended(value: Object, _: float) -> str:
    return "True" if dig(value, "spec", "suspend") else "False"


_CREATED: Any = (NAME, Column("Created At", at("metadata", "creationTimestamp"), type="date"))
_BINDINGS = (
    NAME,
    Column("Role", _role),
    AGE,
    Column("Users", _subjects("User"), True),
    Column("Groups", _subjects("Group"), True),
    Column("ServiceAccounts", _subjects("ServiceAccount"), True),
)

CLUSTER_COLUMNS: dict[str, tuple[Column, ...]] = {
    "roles.rbac.authorization.k8s.io": _CREATED,
    "clusterroles.rbac.authorization.k8s.io": _CREATED,
    "rolebindings.rbac.authorization.k8s.io": _BINDINGS,
    "clusterrolebindings.rbac.authorization.k8s.io": _BINDINGS,
    "priorityclasses.scheduling.k8s.io": (
        NAME,
        Column("Value", at("value", absent=0)),
        Column("Global-Default", lambda value, _: bool(value.get("globalDefault")), type="boolean"),
        AGE,
        Column("PreemptionPolicy", at("preemptionPolicy")),
    ),
    "storageclasses.storage.k8s.io": (
        NAME,
        Column("Provisioner", at("provisioner")),
        Column("ReclaimPolicy", at("reclaimPolicy")),
        Column("VolumeBindingMode", at("volumeBindingMode")),
        Column("AllowVolumeExpansion", _yes("allowVolumeExpansion")),
        AGE,
    ),
    "persistentvolumes": (
        NAME,
        Column("Capacity", at("spec", "capacity", "storage")),
        Column("Access Modes", modes("spec", "accessModes")),
        Column("Reclaim Policy", at("spec", "persistentVolumeReclaimPolicy")),
        Column("Status", at("status", "phase")),
        Column("Claim", _claim),
        Column("StorageClass", at("spec", "storageClassName")),
        Column("VolumeAttributesClass", at("spec", "volumeAttributesClassName", absent="<unset>")),
        Column("Reason", at("status", "reason")),
        AGE,
        Column("VolumeMode", at("spec", "volumeMode"), True),
    ),
    "cronjobs.batch": (
        NAME,
        Column("Schedule", at("spec", "schedule")),
        Column("Timezone", at("spec", "timeZone", absent=NONE)),
        Column("Suspend", _suspended),
        Column(
            "Active", lambda value, _: len(dig(value, "status", "active") or ()), type="integer"
        ),
        Column("Last Schedule", _last_schedule),
        AGE,
        Column("Containers", containers("name", "spec", "jobTemplate", "spec", "template"), True),
        Column("Images", containers("image", "spec", "jobTemplate", "spec", "template"), True),
        Column("Selector", selector("spec", "jobTemplate", "spec", "selector"), True),
    ),
    "endpointslices.discovery.k8s.io": (
        NAME,
        Column("AddressType", at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_endpoints),
        AGE,
    ),
    "endpoints": (NAME, Column("Endpoints", _endpoints), AGE),
    "networkpolicies.networking.k8s.io": (
        NAME,
        Column("Pod-Selector", selector("spec", "podSelector")),
        AGE,
    ),
    "ingresses.networking.k8s.io": (
        NAME,
        Column("Class", at("spec", "ingressClassName", absent=NONE)),
        Column("Hosts", _hosts),
        Column("Address", _ingress_address),
        Column("Ports", lambda value, _: "80, 443" if dig(value, "spec", "tls") else "80"),
        AGE,
    ),
}
