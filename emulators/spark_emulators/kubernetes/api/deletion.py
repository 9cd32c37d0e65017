"""DELETE: marks, finalizers, grace, propagation. What stays is finished by controllers."""

from __future__ import annotations

from dataclasses import dataclass

from spark_emulators.kubernetes.api import writes
from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.conversion import to_storage
from spark_emulators.kubernetes.api.lists import list_objects
from spark_emulators.kubernetes.api.objects import copy, timestamp
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import DeleteOptions, ListOptions
from spark_emulators.kubernetes.errors import ApiError, Cause, conflict, invalid
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["FOREGROUND", "ORPHAN", "Deleted", "delete", "delete_collection"]

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True)
class Deleted:
    """What a deletion came to.

    Attributes:
        stored: the object as it is, or was last.
        gone: nothing holds it any more.
    """

    stored: Stored
    gone: bool


def delete(
    context: Context, resource: Resource, namespace: str, name: str, options: DeleteOptions
) -> Deleted:
    """Delete one object, or mark it for those who hold it.

    Raises:
        ApiError: 404; 409 for a precondition that fails; 422 for options that make no sense.
    """
    if options.policy and options.policy not in _POLICIES:
        raise invalid(
            "",
            "DeleteOptions",
            "",
            [
                Cause.unsupported(
                    "propagationPolicy",
                    options.policy,
                    ("Foreground", "Background", "Orphan", "nil"),
                )
            ],
        )
    old = writes.get_stored(context, resource, namespace, name)
    _check_preconditions(resource, old, options)
    resource.strategy.before_delete(old.value, context)
    value: Object = copy(old.value)
    metadata = value["metadata"]
    resource.strategy.prepare_delete(value)
    finalizers = _finalizers(metadata.get("finalizers") or [], options.policy)
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    grace_s = resource.strategy.grace_s(value, options.grace_s)
    held = bool(finalizers) or bool(
        (value.get("spec") or {}).get("finalizers") and resource.kind == "Namespace"
    )
    if grace_s or held:
        return Deleted(_mark(context, resource, old, value, grace_s or 0, options), False)
    if options.dry_run:
        return Deleted(old, True)
    stored = context.store.delete(old.key)
    return Deleted(context.view(stored, resource), True)


def delete_collection(
    context: Context, resource: Resource, namespace: str, which: ListOptions,
    options: DeleteOptions,
) -> list[Stored]:  # fmt: skip
    """Delete all objects that ``which`` selects; returns them as they were or are."""
    page = list_objects(context, resource, namespace, which)
    found = []
    for each in page.objects:
        try:
            deleted = delete(context, resource, each.key.namespace, each.key.name, options)
            found.append(deleted.stored)
        except ApiError as error:
            if error.code != 404:
                raise
    return found


def _mark(
    context: Context, resource: Resource, old: Stored, value: Object, grace_s: int,
    options: DeleteOptions,
) -> Stored:  # fmt: skip
    metadata = value["metadata"]
    if not metadata.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = timestamp(context.now() + grace_s)
        metadata["deletionGracePeriodSeconds"] = grace_s
        if metadata.get("generation"):
            metadata["generation"] += 1
        if resource.storage == "namespaces":
            value["status"] = {**(value.get("status") or {}), "phase": "Terminating"}
    elif grace_s < metadata.get("deletionGracePeriodSeconds", 0):
        # a later deletion can only be quicker
        metadata["deletionTimestamp"] = timestamp(context.now() + grace_s)
        metadata["deletionGracePeriodSeconds"] = grace_s
    value["metadata"] = writes.sorted_metadata(metadata)
    if value == old.value:
        return old
    if options.dry_run:
        return Stored(old.key, old.revision, value)
    return context.view(context.store.put(old.key, to_storage(value, resource)), resource)


def _finalizers(present: list[str], policy: str) -> list[str]:
    """The propagation policy, written down where the garbage collector will find it."""
    if not policy:
        return present
    others = [each for each in present if each not in (FOREGROUND, ORPHAN)]
    if policy == "Foreground":
        return [*others, FOREGROUND]
    return [*others, ORPHAN] if policy == "Orphan" else others


def _check_preconditions(resource: Resource, old: Stored, options: DeleteOptions) -> None:
    metadata = old.value["metadata"]
    for label, wanted, found, happened in (
        ("UID", options.uid, metadata["uid"], "deleted and then recreated"),
        ("ResourceVersion", options.revision, metadata["resourceVersion"], "modified"),
    ):
        if wanted and wanted != found:
            raise conflict(
                resource.group,
                resource.kind,
                old.key.name,
                f"the {label} in the precondition ({wanted}) does not match the {label} in record"
                f" ({found}). The object might have been {happened}",
            )
