"""LimitRanges: defaults and bounds of containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.kinds import podspec
from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.quantities import parse
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import forbidden
from spark_emulators.kubernetes.store.store import Object

__all__ = ["apply_defaults", "check_bounds"]


def _limits(context: Context, namespace: str, kind: str) -> Iterator[Mapping[str, Any]]:
    for stored in context.store.list("limitranges", namespace):
        for limit in dig(stored.value, "spec", "limits") or ():
            if limit.get("type") == kind:
                yield limit


def apply_defaults(
    context: Context, resource: Resource, value: Object, old: Object | None, options: WriteOptions
) -> None:
    """Give containers the requests and limits they did not ask for."""
    if resource.storage != "pods" or old is not None:
        return
    for limit in _limits(context, value["metadata"]["namespace"], "Container"):
        for container in podspec.containers(value["spec"]):
            resources = container.setdefault("resources", {})
            for name, amounts in (("limits", "default"), ("requests", "defaultRequest")):
                for what, amount in (limit.get(amounts) or {}).items():
                    resources.setdefault(name, {}).setdefault(what, amount)


def check_bounds(
    context: Context, resource: Resource, value: Object, old: Object | None, options: WriteOptions
) -> None:
    """Refuse containers outside the bounds.

    Raises:
        ApiError: 403, naming each bound.
    """
    if resource.storage != "pods" or old is not None:
        return
    faults: list[str] = []
    for limit in _limits(context, value["metadata"]["namespace"], "Container"):
        for container in podspec.containers(value["spec"]):
            faults += _faults(limit, container.get("resources") or {})
    if faults:
        text = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        raise forbidden("", "pods", value["metadata"].get("name", ""), text)


def _faults(limit: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for what, least in (limit.get("min") or {}).items():
        asked = requests.get(what)
        if asked is None:
            yield f"minimum {what} usage per Container is {least}. No request is specified"
        elif parse(asked) < parse(least):
            yield f"minimum {what} usage per Container is {least}, but request is {asked}"
    for what, most in (limit.get("max") or {}).items():
        asked = limits.get(what)
        if asked is None:
            yield f"maximum {what} usage per Container is {most}. No limit is specified"
        elif parse(asked) > parse(most):
            yield f"maximum {what} usage per Container is {most}, but limit is {asked}"
