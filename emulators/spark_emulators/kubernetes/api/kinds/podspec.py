"""Pod specifications: defaults and rules, for pods and for every kind with a pod template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from spark_emulators.kubernetes.api import names, quantities
from spark_emulators.kubernetes.errors import Cause

__all__ = ["containers", "default", "faults", "qos_class"]

_ENV_NAME = re.compile(r"[ -<>-~]+")
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PULL = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_READ_WRITE = 0o644


def containers(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All containers of a pod, whatever their kind."""
    for name in _LISTS:
        yield from spec.get(name) or ()


def default(spec: dict[str, Any]) -> None:
    """Fill in what the real server fills in."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    # less than nothing means at once, which is a second
    spec["terminationGracePeriodSeconds"] = grace_s = spec.get("terminationGracePeriodSeconds", 30)
    if grace_s < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("securityContext", {})
    if "serviceAccountName" in spec:
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    elif "serviceAccount" in spec:
        spec["serviceAccountName"] = spec["serviceAccount"]
    for volume in spec.get("volumes") or []:
        _default_volume(volume)
    for container in containers(spec):
        _default_container(container, spec)


def _default_container(container: dict[str, Any], spec: Mapping[str, Any]) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition("@")
    latest = not tag[1] and (":" not in tag[0] or tag[0].endswith(":latest"))
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if spec.get("hostNetwork") and "hostPort" not in port:
            port["hostPort"] = port.get("containerPort")
    resources = container["resources"]
    for name, limit in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, limit)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _default_probe(container[name])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _default_http(hook)
    for variable in container.get("env") or []:
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")


def _default_probe(probe: dict[str, Any]) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10),
                        ("successThreshold", 1), ("failureThreshold", 3)):  # fmt: skip
        if not probe.get(name):
            probe[name] = value
    _default_http(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _default_http(handler: dict[str, Any]) -> None:
    if "httpGet" in handler:
        handler["httpGet"].setdefault("path", "/")
        handler["httpGet"].setdefault("scheme", "HTTP")


def _default_volume(volume: dict[str, Any]) -> None:
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if name in volume:
            volume[name].setdefault("defaultMode", _READ_WRITE)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for source in (volume.get("projected") or {}).get("sources") or []:
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        _default_items(source.get("downwardAPI"))
    _default_items(volume.get("downwardAPI"))


def _default_items(source: dict[str, Any] | None) -> None:
    for item in (source or {}).get("items") or []:
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")


def qos_class(spec: Mapping[str, Any]) -> str:
    """How well a pod said what it needs: Guaranteed, Burstable or BestEffort."""
    guaranteed, anything = True, False
    for container in containers(spec):
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            request, limit = requests.get(name), limits.get(name)
            anything = anything or bool(request or limit)
            same = request and limit and quantities.parse(request) == quantities.parse(limit)
            guaranteed = guaranteed and bool(same)
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def faults(spec: Mapping[str, Any], path: str = "spec") -> list[Cause]:
    """Everything wrong with a pod specification."""
    found: list[Cause] = []
    volumes: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or []):
        name, here = volume.get("name", ""), f"{path}.volumes[{index}]"
        found += _name_faults(name, f"{here}.name", volumes)
        if len(volume) > 2:
            kinds = [each for each in volume if each != "name"]
            found.append(
                Cause.forbidden(f"{here}.{kinds[-1]}", "may not specify more than 1 volume type")
            )
    if not spec.get("containers"):
        found.append(Cause.required(f"{path}.containers"))
    taken: set[str] = set()
    for kind in _LISTS:
        for index, container in enumerate(spec.get(kind) or []):
            found += _container_faults(container, f"{path}.{kind}[{index}]", taken, volumes)
    if spec.get("restartPolicy") not in _RESTART:
        found.append(
            Cause.unsupported(f"{path}.restartPolicy", spec.get("restartPolicy", ""), _RESTART)
        )
    if spec.get("dnsPolicy") not in _DNS:
        found.append(Cause.unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy", ""), _DNS))
    account = spec.get("serviceAccountName")
    if account:
        found += [
            Cause.invalid(f"{path}.serviceAccountName", account, each)
            for each in names.subdomain(account)
        ]
    deadline_s = spec.get("activeDeadlineSeconds")
    if deadline_s is not None and not 1 <= deadline_s < 2**31:
        found.append(
            Cause.invalid(
                f"{path}.activeDeadlineSeconds",
                deadline_s,
                "must be between 1 and 2147483647, inclusive",
            )
        )
    return found


def _name_faults(name: str, path: str, taken: set[str]) -> list[Cause]:
    if not name:
        return [Cause.required(path)]
    found = [Cause.invalid(path, name, each) for each in names.label(name)]
    if name in taken:
        found.append(Cause.duplicate(path, name))
    taken.add(name)
    return found


def _container_faults(
    container: Mapping[str, Any], path: str, taken: set[str], volumes: set[str]
) -> list[Cause]:
    found = _name_faults(container.get("name", ""), f"{path}.name", taken)
    image = container.get("image", "")
    if not image:
        found.append(Cause.required(f"{path}.image"))
    elif image != image.strip():
        found.append(
            Cause.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
        )
    ports: set[str] = set()
    for index, port in enumerate(container.get("ports") or []):
        here = f"{path}.ports[{index}]"
        if port.get("name"):
            found += _name_faults(port["name"], f"{here}.name", ports)
        number = port.get("containerPort")
        if number is None:
            found.append(Cause.required(f"{here}.containerPort"))
        elif not 0 < number < 65536:
            found.append(
                Cause.invalid(
                    f"{here}.containerPort", number, "must be between 1 and 65535, inclusive"
                )
            )
        if port.get("protocol") not in _PROTOCOLS:
            found.append(
                Cause.unsupported(f"{here}.protocol", port.get("protocol", ""), _PROTOCOLS)
            )
    for index, variable in enumerate(container.get("env") or []):
        here = f"{path}.env[{index}]"
        if not variable.get("name"):
            found.append(Cause.required(f"{here}.name"))
        elif not _ENV_NAME.fullmatch(variable["name"]):
            found.append(
                Cause.invalid(
                    f"{here}.name",
                    variable["name"],
                    "a valid environment variable name must consist only of printable ASCII"
                    " characters other than '='",
                )
            )
        if variable.get("value") and variable.get("valueFrom"):
            found.append(
                Cause.invalid(
                    f"{here}.valueFrom", "", "may not be specified when `value` is not empty"
                )
            )
    mounts: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or []):
        here = f"{path}.volumeMounts[{index}]"
        name, where = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            found.append(Cause.required(f"{here}.name"))
        elif name not in volumes:
            found.append(Cause.not_found(f"{here}.name", name))
        if not where:
            found.append(Cause.required(f"{here}.mountPath"))
        if where in mounts:
            found.append(Cause.invalid(f"{here}.mountPath", where, "must be unique"))
        mounts.add(where)
    if container.get("imagePullPolicy") not in _PULL:
        found.append(
            Cause.unsupported(
                f"{path}.imagePullPolicy", container.get("imagePullPolicy", ""), _PULL
            )
        )
    return found + _resource_faults(container.get("resources") or {}, f"{path}.resources")


def _resource_faults(resources: Mapping[str, Any], path: str) -> list[Cause]:
    found = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if quantities.parse(amount) < 0:
                found.append(
                    Cause.invalid(
                        f"{path}.{field}[{name}]", amount, "must be greater than or equal to 0"
                    )
                )
    for name, request in requests.items():
        limit = limits.get(name)
        if limit is not None and quantities.parse(request) > quantities.parse(limit):
            detail = f"must be less than or equal to {name} limit of {limit}"
            found.append(Cause.invalid(f"{path}.requests", request, detail))
    return found
