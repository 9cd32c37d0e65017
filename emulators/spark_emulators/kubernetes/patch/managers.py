"""Who owns which fields: ``metadata.managedFields`` as data, and what writes make of it.

Pure: objects in, objects out. ``api.writes`` calls it on every write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spark_emulators.kubernetes.errors import ApiError, Cause
from spark_emulators.kubernetes.patch import fieldsets, typed
from spark_emulators.kubernetes.patch.fieldsets import FieldSet
from spark_emulators.kubernetes.schemas.types import Schema

__all__ = ["APPLY", "UPDATE", "Manager", "apply", "decode", "encode", "update"]

APPLY, UPDATE = "Apply", "Update"
_MOST_UPDATERS = 10
_ANCIENT = "ancient-changes"
# identity and bookkeeping belong to nobody
_NOBODYS: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        **{
            f"f:{name}": {}
            for name in (
                "name", "namespace", "creationTimestamp", "selfLink", "uid", "generation",
                "managedFields", "resourceVersion",
            )
        },
    },
}  # fmt: skip
STATUS_ONLY = {"f:status"}


@dataclass(frozen=True)
class Manager:
    """One entry.

    Attributes:
        name: the field manager.
        operation: Apply or Update.
        api_version: the version the fields are of.
        subresource: where the write went to.
        fields: what it owns.
        time: of its last change.
    """

    name: str
    operation: str
    api_version: str
    subresource: str
    fields: FieldSet
    time: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """An applier is the same whatever version it applies."""
        version = "" if self.operation == APPLY else self.api_version
        return (self.name, self.operation, version, self.subresource)


def decode(entries: Sequence[Mapping[str, Any]] | None) -> list[Manager]:
    """Entries as stored."""
    return [
        Manager(
            each.get("manager", ""),
            each.get("operation", UPDATE),
            each.get("apiVersion", ""),
            each.get("subresource", ""),
            each.get("fieldsV1") or {},
            each.get("time", ""),
        )
        for each in entries or ()
    ]


def encode(managers: Sequence[Manager]) -> list[dict[str, Any]]:
    """Entries in the order the real server keeps them."""
    ordered = sorted(
        managers,
        key=lambda m: (m.operation, m.time, m.name, m.api_version, m.subresource),
    )
    return [_entry(each) for each in ordered]


def _entry(manager: Manager) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": manager.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": manager.fields,
        "subresource": manager.subresource,
    }
    return {key: value for key, value in entry.items() if value or key == "fieldsV1"}


def update(
    live: Mapping[str, Any], new: Mapping[str, Any], schema: Schema, managers: list[Manager],
    writer: Manager,
) -> list[Manager]:  # fmt: skip
    """Ownership after ``writer`` changed ``live`` to ``new`` without apply.

    Args:
        writer: name, operation, version, subresource and time; its fields are not looked at.
    """
    changed = typed.compare(_plain(live), _plain(new), schema)
    touched = fieldsets.union(changed.added, changed.modified)
    left = [_without(each, touched, changed.removed) for each in managers]
    taken = _relevant(touched, writer.subresource)
    found = [each for each in left if each.fields]
    if taken:
        mine = next((each for each in managers if each.identity == writer.identity), None)
        before = fieldsets.difference(mine.fields, changed.removed) if mine else {}
        found = [each for each in found if each.identity != writer.identity]
        found.append(replace(writer, fields=fieldsets.union(before, taken)))
    return _capped(found)


def _without(manager: Manager, touched: FieldSet, removed: FieldSet) -> Manager:
    fields = fieldsets.difference(manager.fields, removed) if removed else manager.fields
    fields = fieldsets.difference(fields, touched) if touched else fields
    return manager if fields is manager.fields else replace(manager, fields=fields)


def apply(
    live: Mapping[str, Any], config: Mapping[str, Any], schema: Schema, managers: list[Manager],
    writer: Manager, *, force: bool,
) -> tuple[dict[str, Any], list[Manager]]:  # fmt: skip
    """Server-side apply.

    Returns:
        The merged object and its owners.

    Raises:
        ApiError: 409 with each conflict as a cause; 400 for lists with equal keys.
    """
    live, config = _plain(live), _plain(config)
    try:
        said = _relevant(typed.fields_of(config, schema), writer.subresource)
    except typed.DuplicateKey as error:
        key = str(error).partition(":")[2]
        raise ApiError(
            500, "", f"failed to create typed patch object: duplicate entries for key {key}"
        ) from error
    last = next((each for each in managers if each.identity == writer.identity), None)
    others = [each for each in managers if each.identity != writer.identity]
    merged: dict[str, Any] = typed.merge(live, config, schema)
    if last:
        owned = said
        for each in others:
            owned = fieldsets.union(owned, each.fields)
        merged = typed.remove(merged, last.fields, owned, schema)
    changed = typed.compare(live, merged, schema)
    touched = fieldsets.union(changed.added, changed.modified)
    conflicts = {
        each.identity: (each, overlap)
        for each in others
        if (overlap := fieldsets.intersection(each.fields, touched))
    }
    if conflicts and not force:
        raise _conflict(list(conflicts.values()))
    kept = [
        _without(
            each, conflicts[each.identity][1] if each.identity in conflicts else {}, changed.removed
        )
        for each in others
    ]
    time = last.time if last and merged == live and last.fields == said else writer.time
    found = [each for each in kept if each.fields]
    if said:
        found.append(replace(writer, fields=said, time=time))
    return merged, found


def _relevant(fields: FieldSet, subresource: str) -> FieldSet:
    fields = fieldsets.difference(fields, _NOBODYS)
    if subresource == "status":
        return {key: node for key, node in fields.items() if key in STATUS_ONLY}
    return fields


def without_status(managers: list[Manager], writer: Manager) -> list[Manager]:
    """Take status from a writer of the main resource: what it said of it was not heard."""
    found = []
    for each in managers:
        if each.identity == writer.identity and "f:status" in each.fields:
            fields = {key: node for key, node in each.fields.items() if key != "f:status"}
            each = replace(each, fields=fields)
        if each.fields:
            found.append(each)
    return found


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without the bookkeeping, which would own itself."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return dict(value)
    rest = {key: each for key, each in metadata.items() if key != "managedFields"}
    return {**value, "metadata": rest}


def _capped(managers: list[Manager]) -> list[Manager]:
    updaters = [each for each in managers if each.operation == UPDATE]
    if len(updaters) <= _MOST_UPDATERS:
        return managers
    updaters.sort(key=lambda each: each.time)
    old = updaters[: len(updaters) - _MOST_UPDATERS + 1]
    bucket = replace(old[-1], name=_ANCIENT, subresource="")
    for each in old[:-1]:
        bucket = replace(bucket, fields=fieldsets.union(bucket.fields, each.fields))
    return [each for each in managers if each not in old] + [bucket]


def _conflict(conflicts: list[tuple[Manager, FieldSet]]) -> ApiError:
    causes: list[Cause] = []
    parts: list[str] = []
    for manager, fields in conflicts:
        who = f'"{manager.name}"'
        if manager.subresource:
            who += f' with subresource "{manager.subresource}"'
        # an applier's version says nothing about the conflict
        who += "" if manager.operation == APPLY else f" using {manager.api_version}"
        found = [fieldsets.render(each) for each in fieldsets.paths(fields)]
        causes += [Cause("FieldManagerConflict", f"conflict with {who}", each) for each in found]
        if sum(1 for _, each in conflicts for _ in fieldsets.paths(each)) == 1:
            parts.append(f"conflict with {who}: {found[0]}")
        else:
            parts.append(f"conflicts with {who}:" + "".join(f"\n- {each}" for each in found))
    count = len(causes)
    text = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: " + "\n".join(parts)
    return ApiError(409, "Conflict", text, {"causes": causes})


def canonical(entries: Sequence[Mapping[str, Any]]) -> str:
    """Entries without their times, to tell whether anything but time passed."""
    plain = [{key: value for key, value in each.items() if key != "time"} for each in entries]
    return json.dumps(sorted(json.dumps(each, sort_keys=True) for each in plain))
