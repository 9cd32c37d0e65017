"""The rules of ``metadata``: what the server sets, what it refuses. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_emulators.kubernetes.api import names
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.store.store import Object

__all__ = ["carry_over", "faults", "update_faults"]

_KEPT = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
)


def carry_over(value: Object, old: Object) -> None:
    """What a writer cannot change stays as it was."""
    metadata, before = value["metadata"], old["metadata"]
    metadata["name"] = before["name"]
    if "namespace" in before:
        metadata["namespace"] = before["namespace"]
    for name in _KEPT:
        if name in before:
            metadata[name] = before[name]
        else:
            metadata.pop(name, None)
    metadata["resourceVersion"] = before["resourceVersion"]


def faults(value: Object, resource: Resource) -> list[Cause]:
    """Everything wrong with an object's metadata."""
    metadata = value["metadata"]
    found = []
    name = metadata.get("name", "")
    if not name:
        found.append(Cause.required("metadata.name", "name or generateName is required"))
    else:
        found += [
            Cause.invalid("metadata.name", name, each)
            for each in resource.strategy.name_faults(name)
        ]
    found += label_faults(metadata.get("labels"), "metadata.labels")
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        found += [
            Cause.invalid("metadata.annotations", key, each)
            for each in names.qualified(key.lower())
        ]
    if names.annotation_faults(annotations):
        found.append(Cause.too_long("metadata.annotations", names.MAX_ANNOTATIONS_BYTES))
    found += _owner_faults(metadata.get("ownerReferences") or [])
    for finalizer in metadata.get("finalizers") or []:
        path = "metadata.finalizers"
        found += [Cause.invalid(path, finalizer, each) for each in names.qualified(finalizer)]
    return found


def label_faults(labels: Mapping[str, str] | None, path: str) -> list[Cause]:
    """What is wrong with a map of labels."""
    found = []
    for key, value in (labels or {}).items():
        found += [Cause.invalid(path, key, each) for each in names.qualified(key)]
        found += [Cause.invalid(path, value, each) for each in names.label_value(value)]
    return found


def _owner_faults(references: list[Mapping[str, Any]]) -> list[Cause]:
    found = []
    controllers = [each.get("name", "") for each in references if each.get("controller")]
    for index, each in enumerate(references):
        path = "metadata.ownerReferences"
        for name in ("apiVersion", "kind", "name", "uid"):
            if not each.get(name):
                detail = (
                    f"{name} must not be empty"
                    if name != "apiVersion"
                    else "version must not be empty"
                )
                found.append(Cause.invalid(f"{path}[{index}].{name}", "", detail))
    if len(controllers) > 1:
        found.append(
            Cause.invalid(
                "metadata.ownerReferences",
                [dict(each) for each in references],
                'Only one reference can have Controller set to true. Found "true" in references'
                f" for {' and '.join(controllers[:2])}",
            )
        )
    return found


def update_faults(value: Object, old: Object) -> list[Cause]:
    """What is wrong with a change of metadata."""
    metadata, before = value["metadata"], old["metadata"]
    if not before.get("deletionTimestamp"):
        return []
    added = [
        each
        for each in metadata.get("finalizers") or []
        if each not in (before.get("finalizers") or [])
    ]
    if not added:
        return []
    detail = (
        "no new finalizers can be added if the object is being deleted, found new finalizers"
        f" []string{{{', '.join(_quoted(each) for each in added)}}}"
    )
    return [Cause.forbidden("metadata.finalizers", detail)]


def _quoted(text: str) -> str:
    return f'"{text}"'
