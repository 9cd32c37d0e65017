"""The addresses behind a service, as Endpoints and as EndpointSlices have them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.controllers.workloads.pods import is_ready, phase_of
from spark_emulators.kubernetes.store.store import Object

__all__ = ["slices_of", "state_of", "subsets_of"]

_MOST = 100
_Ports = tuple[tuple[str, int, str], ...]


def state_of(pod: Object) -> tuple[Any, ...]:
    """All of a pod that a service's addresses depend on."""
    metadata = pod["metadata"]
    return (
        metadata.get("labels"), "deletionTimestamp" in metadata, phase_of(pod), is_ready(pod),
        dig(pod, "status", "podIP"), pod["spec"].get("nodeName"),
    )  # fmt: skip


def subsets_of(service: Object, pods: Iterable[Object]) -> list[dict[str, Any]]:
    """The subsets of the service's Endpoints.

    Args:
        pods: those that it selects.
    """
    whatever = bool(service["spec"].get("publishNotReadyAddresses"))
    groups: dict[_Ports, dict[str, list[dict[str, Any]]]] = {}
    for pod in _with_addresses(pods):
        if "deletionTimestamp" in pod["metadata"] and not whatever:
            continue
        place = "addresses" if whatever or is_ready(pod) else "notReadyAddresses"
        group = groups.setdefault(_ports(service, pod), {})
        address = {"ip": pod["status"]["podIP"], **_about(service, pod)}
        group.setdefault(place, []).append(address)
    return [
        {
            **{
                name: sorted(group[name], key=lambda each: str(each["ip"]))
                for name in ("addresses", "notReadyAddresses")
                if name in group
            },
            **({"ports": [_port(each, named=False) for each in ports]} if ports else {}),
        }
        for ports, group in sorted(groups.items())
    ]


def slices_of(service: Object, pods: Iterable[Object]) -> list[dict[str, Any]]:
    """What the service's slices say: ``endpoints`` and ``ports`` of each; at least one.

    Args:
        pods: those that it selects.
    """
    whatever = bool(service["spec"].get("publishNotReadyAddresses"))
    groups: dict[_Ports, list[dict[str, Any]]] = {}
    for pod in _with_addresses(pods):
        serving, ending = is_ready(pod), "deletionTimestamp" in pod["metadata"]
        endpoint = {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {
                "ready": whatever or (serving and not ending),
                "serving": serving,
                "terminating": ending,
            },
            **_about(service, pod),
        }
        groups.setdefault(_ports(service, pod), []).append(endpoint)
    found = [
        {
            "endpoints": endpoints[first : first + _MOST],
            "ports": [_port(each, named=True) for each in ports],
        }
        for ports, endpoints in sorted(groups.items())
        for first in range(0, len(endpoints), _MOST)
    ]
    return found or [{"endpoints": [], "ports": []}]


def _with_addresses(pods: Iterable[Object]) -> list[Object]:
    return [
        each
        for each in pods
        if dig(each, "status", "podIP") and phase_of(each) not in ("Succeeded", "Failed")
    ]


def _about(service: Object, pod: Object) -> dict[str, Any]:
    metadata, spec = pod["metadata"], pod["spec"]
    named = spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]
    return {
        **({"hostname": spec["hostname"]} if named else {}),
        "nodeName": spec.get("nodeName"),
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }


def _ports(service: Object, pod: Object) -> _Ports:
    """(name, number, protocol) of the service's ports, as this pod has them."""
    found = []
    for each in service["spec"].get("ports") or ():
        number = _number(each["targetPort"], each["protocol"], pod["spec"]["containers"])
        if number is not None:
            found.append((each.get("name", ""), number, each["protocol"]))
    return tuple(found)


def _number(target: int | str, protocol: str, containers: Sequence[Any]) -> int | None:
    if isinstance(target, int):
        return target
    for container in containers:
        for each in container.get("ports") or ():
            if (each.get("name"), each.get("protocol", "TCP")) == (target, protocol):
                return int(each["containerPort"])
    return None


def _port(port: tuple[str, int, str], *, named: bool) -> dict[str, Any]:
    name, number, protocol = port
    return {**({"name": name} if name or named else {}), "port": number, "protocol": protocol}
