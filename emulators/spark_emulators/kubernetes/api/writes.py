"""Create and update: from a body to a stored object. Patches end here too.

The order is the real server's: read, default, say who owns what, admit, prepare, validate, check
policies, store.
"""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api import metadata as meta
from spark_emulators.kubernetes.api import names
from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.conversion import to_storage
from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.api.reading import check_identity, read
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import (
    ApiError,
    Cause,
    already_exists,
    conflict,
    invalid,
    not_found,
)
from spark_emulators.kubernetes.patch import managers
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["create", "get_stored", "save", "update"]


def get_stored(context: Context, resource: Resource, namespace: str, name: str) -> Stored:
    """The object as ``resource`` serves it.

    Raises:
        ApiError: 404.
    """
    stored = context.store.get(context.key(resource, namespace, name))
    if stored is None:
        raise not_found(resource.group, resource.plural, name)
    return context.view(stored, resource)


def create(
    context: Context, resource: Resource, namespace: str, body: Any, options: WriteOptions
) -> Stored:
    """Make a new object.

    Raises:
        ApiError: 400 unreadable; 403 by policy; 404 no namespace; 409 name taken; 422 invalid.
    """
    value = read(resource, body, options)
    check_identity(value, resource, namespace)
    return insert(context, resource, value, options)


def insert(
    context: Context,
    resource: Resource,
    value: Object,
    options: WriteOptions,
    owners: list[managers.Manager] | None = None,
) -> Stored:
    """Store an object that was read already.

    Args:
        owners: who owns its fields, where an apply has found that out; else the writer owns all.
    """
    metadata, strategy = value["metadata"], resource.strategy
    namespace = metadata.get("namespace", "")
    generated = not metadata.get("name") and bool(metadata.get("generateName"))
    if metadata.get("resourceVersion"):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"):
        metadata.pop(name, None)
    given = metadata.pop("managedFields", None)
    _default(value, resource)
    if owners is None:
        before: Object = {"kind": value["kind"], "apiVersion": value["apiVersion"], "metadata": {}}
        if resource.custom is None:
            before["spec"] = {}
        if strategy.has_status:
            before["status"] = value.get("status")
        owners = managers.update(
            before,
            value,
            resource.schema,
            managers.decode(given),
            _writer(context, resource, options),
        )
    if generated:
        metadata["name"] = names.generate(metadata["generateName"])
    for plugin in context.admission.mutate:
        plugin(context, resource, value, None, options)
    metadata["uid"] = context.new_uid()
    metadata["creationTimestamp"] = context.timestamp()
    if strategy.counts_generations:
        metadata["generation"] = 1
    strategy.prepare_create(value, context)
    if owners:
        metadata["managedFields"] = managers.encode(owners)
    _refuse(resource, value, [*meta.faults(value, resource), *strategy.validate(value)])
    key = context.key(resource, namespace, metadata["name"])
    if context.store.get(key) is not None:
        raise already_exists(resource.group, resource.plural, key.name, generated=generated)
    for plugin in context.admission.check:
        plugin(context, resource, value, None, options)
    value["metadata"] = sorted_metadata(metadata)
    if options.dry_run:
        return Stored(key, 0, value)
    return context.view(context.store.put(key, to_storage(value, resource)), resource)


def update(
    context: Context, resource: Resource, namespace: str, name: str, body: Any,
    options: WriteOptions, subresource: str = "",
) -> tuple[Stored, bool]:  # fmt: skip
    """Replace an object, or its status.

    Returns:
        What is stored now, and whether it was made by this.

    Raises:
        ApiError: as ``create``; 409 for a base that is not the newest.
    """
    value = read(resource, body, options)
    check_identity(value, resource, namespace, name)
    value["metadata"].setdefault("name", name)
    stored = context.store.get(context.key(resource, namespace, name))
    if stored is None:
        if resource.strategy.creates_on_update and not subresource:
            value["metadata"].pop("resourceVersion", None)
            return insert(context, resource, value, options), True
        raise not_found(resource.group, resource.plural, name)
    old = context.view(stored, resource)
    if not value["metadata"].get("resourceVersion") and not resource.strategy.unconditional:
        cause = Cause(
            "FieldValueInvalid",
            "Invalid value: 0: must be specified for an update",
            "metadata.resourceVersion",
        )
        raise invalid(resource.group, resource.plural, name, [cause])
    return save(context, resource, old, value, options, subresource), False


def save(
    context: Context, resource: Resource, old: Stored, value: Object, options: WriteOptions,
    subresource: str = "", owners: list[managers.Manager] | None = None,
) -> Stored:  # fmt: skip
    """Store a changed object, unless nothing changed.

    Args:
        old: what the change started from, as ``resource`` serves it.
        value: the whole changed object; taken over.
        owners: who owns its fields, where an apply has found that out.
    """
    metadata, strategy = value["metadata"], resource.strategy
    _check_base(resource, old, metadata)
    given = metadata.pop("managedFields", None)
    meta.carry_over(value, old.value)
    _default(value, resource)
    if subresource == "status":
        strategy.prepare_status(value, old.value)
    else:
        strategy.prepare_update(value, old.value, context)
    metadata = value["metadata"] = dict(value["metadata"])
    if strategy.counts_generations and strategy.counted(value) != strategy.counted(old.value):
        metadata["generation"] = old.value["metadata"].get("generation", 0) + 1
    _own(context, resource, old.value, value, given, options, subresource, owners)
    for plugin in context.admission.mutate:
        plugin(context, resource, value, old.value, options)
    causes = [*meta.faults(value, resource), *meta.update_faults(value, old.value)]
    causes += strategy.validate(value)
    causes += strategy.validate_update(value, old.value)
    _refuse(resource, value, causes)
    for plugin in context.admission.check:
        plugin(context, resource, value, old.value, options)
    value["metadata"] = sorted_metadata(value["metadata"])
    if value == old.value or options.dry_run:
        return old if value == old.value else Stored(old.key, old.revision, value)
    if _finished(value):
        # what is remembered of it is its last stored state
        context.store.delete(old.key)
        return Stored(old.key, old.revision, value)
    return context.view(context.store.put(old.key, to_storage(value, resource)), resource)


def _finished(value: Object) -> bool:
    """Whether nothing holds an object that is marked for deletion."""
    metadata = value["metadata"]
    return (
        bool(metadata.get("deletionTimestamp"))
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (value.get("kind") == "Namespace" and (value.get("spec") or {}).get("finalizers"))
    )


def _check_base(resource: Resource, old: Stored, metadata: dict[str, Any]) -> None:
    name = old.key.name
    sent = metadata.get("resourceVersion")
    if sent not in (None, "", "0") and sent != old.value["metadata"]["resourceVersion"]:
        raise conflict(resource.group, resource.plural, name)
    uid = metadata.get("uid")
    if uid and uid != old.value["metadata"]["uid"]:
        raise conflict(
            resource.group,
            resource.plural,
            name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta:"
            f" {old.value['metadata']['uid']}",
        )


def _own(
    context: Context, resource: Resource, old: Object, value: Object, given: Any,
    options: WriteOptions, subresource: str, owners: list[managers.Manager] | None,
) -> None:  # fmt: skip
    """Write ``metadata.managedFields``; keep the old entries where only time passed."""
    metadata = value["metadata"]
    before = old["metadata"].get("managedFields")
    if owners is None:
        # clients may set ownership themselves: kubectl moves its own; one empty entry resets it
        base = [] if given == [{}] else managers.decode(given or before)
        writer = _writer(context, resource, options, subresource)
        owners = managers.update(old, value, resource.schema, base, writer)
    entries = managers.encode(owners)
    if before and managers.canonical(entries) == managers.canonical(before):
        same = {key: each for key, each in value.items() if key != "metadata"}
        if same == {key: each for key, each in old.items() if key != "metadata"}:
            entries = before
    if entries:
        metadata["managedFields"] = entries


def _writer(
    context: Context, resource: Resource, options: WriteOptions, subresource: str = "",
    operation: str = managers.UPDATE,
) -> managers.Manager:  # fmt: skip
    return managers.Manager(
        options.manager, operation, resource.api_version, subresource, {}, context.timestamp()
    )


def applier(
    context: Context, resource: Resource, options: WriteOptions, subresource: str
) -> managers.Manager:
    """Who an apply is by."""
    return _writer(context, resource, options, subresource, managers.APPLY)


def _default(value: Object, resource: Resource) -> None:
    if resource.custom is not None:
        from spark_emulators.kubernetes.api.crds.structural import defaulted

        value.update(defaulted(value, resource.schema))
    resource.strategy.default(value)


def _refuse(resource: Resource, value: Object, causes: list[Cause]) -> None:
    if causes:
        name = value["metadata"].get("name", "")
        raise invalid(resource.group, resource.kind, name, causes)


_META_ORDER = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels",
    "annotations", "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip


def sorted_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """In the order the real server writes it, without what is empty."""
    return {
        name: metadata[name] for name in _META_ORDER if metadata.get(name) not in (None, "", {}, [])
    }


def mutable(stored: Stored) -> Object:
    """A copy to change."""
    value: Object = copy(stored.value)
    return value
