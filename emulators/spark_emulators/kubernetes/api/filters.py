"""Which objects a request means: label and field selectors made into one predicate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.selectors import (
    FieldRequirement,
    LabelRequirement,
    matches_labels,
)
from spark_emulators.kubernetes.errors import bad_request
from spark_emulators.kubernetes.store.store import Object

__all__ = ["Predicate", "predicate"]

Predicate = Callable[[Object], bool]
_NONE: dict[str, str] = {}


def predicate(
    resource: Resource,
    labels: Sequence[LabelRequirement],
    fields: Sequence[FieldRequirement],
) -> Predicate | None:
    """Whether an object is meant; None where all are.

    Raises:
        ApiError: 400 for a field that cannot be selected by.
    """
    if not labels and not fields:
        return None
    known = _fields_of(resource, {"metadata": {}})
    for term in fields:
        if term.path not in known:
            raise bad_request(_unsupported(resource, term.path))

    def selects(value: Object) -> bool:
        if labels and not matches_labels(labels, value["metadata"].get("labels") or _NONE):
            return False
        if not fields:
            return True
        have = _fields_of(resource, value)
        return all((have[term.path] == term.value) == term.equal for term in fields)

    return selects


def _fields_of(resource: Resource, value: Object) -> dict[str, str]:
    metadata = value["metadata"]
    found = {"metadata.name": metadata.get("name", "")}
    if resource.namespaced or resource.custom is None:
        found["metadata.namespace"] = metadata.get("namespace", "")
    if resource.custom is None:
        found.update(resource.strategy.fields(value))
    else:
        for path in resource.custom.selectable:
            each = dig(value, *path.strip(".").split("."))
            found[path.strip(".")] = "" if each is None else _text(each)
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unsupported(resource: Resource, path: str) -> str:
    if resource.custom is not None or resource.group_resource in ("pods", "nodes", "namespaces"):
        return f"field label not supported: {path}"
    return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
