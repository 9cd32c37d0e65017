"""What a container finds in its environment, resolved as the kubelet does.

Source: the core v1 API's EnvVar, EnvFromSource and ObjectFieldSelector, and the kubelet's
expansion of ``$(NAME)``.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api import quantities
from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.store.store import Object

__all__ = ["ConfigFault", "Facts", "command_line", "expand", "field_value", "resolve"]

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

Find = Callable[[str, str], "Object | None"]


class ConfigFault(Exception):
    """A container cannot be made: the kubelet's CreateContainerConfigError."""


@dataclass(frozen=True)
class Facts:
    """What the node knows of a pod beyond its spec.

    Attributes:
        pod_ip: its address.
        host_ip: the node's.
        allocatable: the node's resources, for fields of containers without limits.
        services: variables of the namespace's services.
    """

    pod_ip: str
    host_ip: str
    allocatable: Mapping[str, str]
    services: Mapping[str, str]


def resolve(pod: Object, container: Mapping[str, Any], facts: Facts, find: Find) -> dict[str, str]:
    """A container's environment.

    Args:
        pod: as stored.
        container: one of its containers.
        find: the object of a plural and name in the pod's namespace, if there is one.

    Raises:
        ConfigFault: a config map, a secret or a key that is not optional is absent.
    """
    found: dict[str, str] = dict(facts.services)
    for source in container.get("envFrom") or ():
        found.update(_all_of(source, find))
    declared: dict[str, str] = {}
    for each in container.get("env") or ():
        value = _value(each, pod, container, facts, find, {**found, **declared})
        if value is not None:
            declared[each["name"]] = value
    found.update(declared)
    return found


def _all_of(source: Mapping[str, Any], find: Find) -> dict[str, str]:
    prefix = source.get("prefix", "")
    for field, plural, decode in (
        ("configMapRef", "configmaps", str),
        ("secretRef", "secrets", _decoded),
    ):
        reference = source.get(field)
        if not reference:
            continue
        value = find(plural, reference["name"])
        if value is None:
            if reference.get("optional"):
                return {}
            raise ConfigFault(f'{plural[:-1]} "{reference["name"]}" not found')
        return {
            prefix + key: decode(text)
            for key, text in (value.get("data") or {}).items()
            if _NAME.fullmatch(prefix + key)
        }
    return {}


def _value(
    variable: Mapping[str, Any],
    pod: Object,
    container: Mapping[str, Any],
    facts: Facts,
    find: Find,
    known: Mapping[str, str],
) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return expand(variable.get("value", ""), known)
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"], facts)
    if "resourceFieldRef" in source:
        return resource_value(pod, container, source["resourceFieldRef"], facts)
    if "configMapKeyRef" in source:
        return _key(source["configMapKeyRef"], "configmap", find, str)
    if "secretKeyRef" in source:
        return _key(source["secretKeyRef"], "secret", find, _decoded)
    return None


def _key(
    reference: Mapping[str, Any], kind: str, find: Find, decode: Callable[[str], str]
) -> str | None:
    value = find(f"{kind}s", reference["name"])
    data = (value or {}).get("data") or {}
    if reference["key"] in data:
        return decode(data[reference["key"]])
    if reference.get("optional"):
        return None
    if value is None:
        raise ConfigFault(f'{kind} "{reference["name"]}" not found')
    place = {"configmap": "ConfigMap", "secret": "Secret"}[kind]
    namespace = value["metadata"]["namespace"]
    raise ConfigFault(
        f"couldn't find key {reference['key']} in {place} {namespace}/{reference['name']}"
    )


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def field_value(pod: Object, path: str, facts: Facts) -> str:
    """A field of a pod as text, such as ``metadata.name`` or ``status.podIP``."""
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript:
        return str((pod["metadata"].get(subscript[1]) or {}).get(subscript[2], ""))
    known = {
        "status.podIP": facts.pod_ip,
        "status.podIPs": facts.pod_ip,
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
    }
    if path in known:
        return known[path]
    value = dig(pod, *path.split("."))
    if path in ("metadata.labels", "metadata.annotations"):
        return "\n".join(
            '{}="{}"'.format(key, text.replace("\\", "\\\\").replace('"', '\\"'))
            for key, text in sorted((value or {}).items())
        )
    return "" if value is None else str(value)


def resource_value(
    pod: Object, container: Mapping[str, Any], reference: Mapping[str, Any], facts: Facts
) -> str:
    """A container's request or limit, in units of the divisor, rounded up."""
    wanted = reference.get("containerName")
    if wanted:
        every = (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ()))
        container = next((each for each in every if each["name"] == wanted), container)
    kind, _, name = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    amount = (resources.get(kind) or {}).get(name)
    if amount is None:
        amount = facts.allocatable.get(name, "0") if kind == "limits" else "0"
    divisor = quantities.parse(reference.get("divisor") or "1")
    return str(math.ceil(quantities.parse(amount) / (divisor or 1)))


def expand(text: str, known: Mapping[str, str]) -> str:
    """``$(NAME)`` where it is known; ``$$`` is a dollar sign that begins nothing."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return known.get(match[2], match[0])

    return _REFERENCE.sub(replaced, text)


def command_line(
    container: Mapping[str, Any], entrypoint: tuple[str, ...], cmd: tuple[str, ...],
    environment: Mapping[str, str],
) -> tuple[str, ...]:  # fmt: skip
    """What is run: a container's command and args over its image's.

    An image's arguments belong to its own entrypoint: a command of the container's replaces both.
    """
    command = [expand(each, environment) for each in container.get("command") or ()]
    args = [expand(each, environment) for each in container.get("args") or ()]
    if command:
        return (*command, *args)
    return (*entrypoint, *(args or cmd))
