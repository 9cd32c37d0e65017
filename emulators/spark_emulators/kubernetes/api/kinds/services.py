"""Services and what they resolve to."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from spark_emulators.kubernetes.api import names
from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.strategy import STRATEGIES, Strategy
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.store.store import Object

if TYPE_CHECKING:
    from spark_emulators.kubernetes.api.context import Context

__all__: list[str] = []

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_FIRST_NODE_PORT, _LAST_NODE_PORT = 30000, 32767


class Services(Strategy):
    """A stable address. The server gives it at creation."""

    has_status = True
    answers_object = True

    def name_faults(self, name: str) -> list[str]:
        return names.label_1035(name)

    def default(self, value: Object) -> None:
        spec = value.setdefault("spec", {})
        kind = spec.setdefault("type", "ClusterIP")
        spec.setdefault("sessionAffinity", "None")
        for port in spec.get("ports") or []:
            port.setdefault("protocol", "TCP")
            if port.get("targetPort") in (None, 0, ""):
                port["targetPort"] = port.get("port")
        if kind != "ExternalName":
            spec.setdefault("internalTrafficPolicy", "Cluster")
        if kind in ("NodePort", "LoadBalancer"):
            spec.setdefault("externalTrafficPolicy", "Cluster")
        if kind == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {"loadBalancer": {}}
        self._allocate(value, context)

    def prepare_update(self, value: Object, old: Object, context: Context) -> None:
        super().prepare_update(value, old, context)
        spec, before = value["spec"], old["spec"]
        if spec["type"] != "ExternalName" and before["type"] != "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if not spec.get(name) and name in before:
                    spec[name] = before[name]
        if spec["type"] == "ExternalName" and before["type"] != "ExternalName":
            for name in ("clusterIP", "clusterIPs"):
                spec.pop(name, None)
        old_ports = {
            (each.get("port"), each.get("protocol")): each for each in before.get("ports") or []
        }
        for port in spec.get("ports") or []:
            same = old_ports.get((port.get("port"), port.get("protocol")))
            if same and "nodePort" in same and spec["type"] != "ClusterIP":
                port.setdefault("nodePort", same["nodePort"])
        self._allocate(value, context)

    def _allocate(self, value: Object, context: Context) -> None:
        spec = value["spec"]
        if spec["type"] == "ExternalName":
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = _free_address(context)
        spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if spec["type"] in ("NodePort", "LoadBalancer"):
            taken = _node_ports(context)
            for port in spec.get("ports") or []:
                if not port.get("nodePort"):
                    port["nodePort"] = next(
                        each
                        for each in range(_FIRST_NODE_PORT, _LAST_NODE_PORT + 1)
                        if each not in taken
                    )
                    taken.add(port["nodePort"])

    def validate(self, value: Object) -> list[Cause]:
        spec = value["spec"]
        found = []
        if spec["type"] not in _TYPES:
            found.append(Cause.unsupported("spec.type", spec["type"], _TYPES))
        ports = spec.get("ports") or []
        if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
            found.append(Cause.required("spec.ports"))
        if spec["type"] == "ExternalName" and not spec.get("externalName"):
            found.append(Cause.required("spec.externalName"))
        seen: set[str] = set()
        for index, port in enumerate(ports):
            path = f"spec.ports[{index}]"
            name = port.get("name", "")
            if len(ports) > 1 and not name:
                found.append(Cause.required(f"{path}.name"))
            elif name:
                found += [Cause.invalid(f"{path}.name", name, each) for each in names.label(name)]
                if name in seen:
                    found.append(Cause.duplicate(f"{path}.name", name))
                seen.add(name)
            if not 0 < port.get("port", 0) < 65536:
                found.append(
                    Cause.invalid(
                        f"{path}.port",
                        port.get("port", 0),
                        "must be between 1 and 65535, inclusive",
                    )
                )
            if port["protocol"] not in ("SCTP", "TCP", "UDP"):
                found.append(
                    Cause.unsupported(f"{path}.protocol", port["protocol"], ("SCTP", "TCP", "UDP"))
                )
        address = spec.get("clusterIP")
        if address and address != "None":
            try:
                ipaddress.ip_address(address)
            except ValueError:
                detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
                found.append(Cause.invalid("spec.clusterIPs[0]", address, detail))
        return found

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        new, before = value["spec"].get("clusterIP"), old["spec"].get("clusterIP")
        if before and new != before and value["spec"]["type"] != "ExternalName":
            return [
                Cause.invalid(
                    "spec.clusterIPs[0]", value["spec"].get("clusterIPs"), "may not change once set"
                )
            ]
        return []

    def fields(self, value: Object) -> dict[str, str]:
        spec = value.get("spec") or {}
        return {"spec.clusterIP": spec.get("clusterIP", ""), "spec.type": spec.get("type", "")}


def _free_address(context: Context) -> str:
    taken = {dig(each.value, "spec", "clusterIP") for each in context.store.list("services")}
    # the first is the API server's own
    for number in range(10, context.service_network.num_addresses - 1):
        address = str(context.service_network[number])
        if address not in taken:
            return address
    raise AssertionError("a cluster with all its service addresses in use")


def _node_ports(context: Context) -> set[int]:
    return {
        port["nodePort"]
        for each in context.store.list("services")
        for port in dig(each.value, "spec", "ports") or []
        if "nodePort" in port
    }


class EndpointSlices(Strategy):
    """Addresses behind a service."""

    counts_generations = True

    def counted(self, value: Object) -> object:
        return {key: each for key, each in value.items() if key != "metadata"}


class Endpoints(Strategy):
    """The older form of the same."""

    creates_on_update = True

    def default(self, value: Object) -> None:
        for subset in value.get("subsets") or []:
            for port in subset.get("ports") or []:
                port.setdefault("protocol", "TCP")


class Policies(Strategy):
    """Network policies and ingresses: kept, not acted on."""

    counts_generations = True

    def default(self, value: Object) -> None:
        spec = value.setdefault("spec", {})
        if value["kind"] == "NetworkPolicy":
            spec.setdefault("podSelector", {})
            types = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
            spec.setdefault("policyTypes", types)
            for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
                for port in rule.get("ports") or []:
                    port.setdefault("protocol", "TCP")


class Ingresses(Policies):
    """Ingresses have a status."""

    has_status = True

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {"loadBalancer": {}}


STRATEGIES.update(
    {
        "services": Services(),
        "endpointslices.discovery.k8s.io": EndpointSlices(),
        "endpoints": Endpoints(),
        "networkpolicies.networking.k8s.io": Policies(),
        "ingresses.networking.k8s.io": Ingresses(),
    }
)
