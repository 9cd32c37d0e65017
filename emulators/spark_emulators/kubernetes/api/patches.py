"""PATCH: four kinds of patch, one way to store what comes out."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api import writes
from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.api.reading import check_identity, read
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import ApiError, bad_request, not_found
from spark_emulators.kubernetes.patch import managers
from spark_emulators.kubernetes.patch.jsonpatch import apply_json_patch, apply_merge_patch
from spark_emulators.kubernetes.patch.strategic import apply_strategic_patch
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["APPLY", "JSON", "MERGE", "STRATEGIC", "patch", "patched"]

JSON, MERGE, STRATEGIC, APPLY = "json", "merge", "strategic", "apply"


def patch(
    context: Context, resource: Resource, namespace: str, name: str, kind: str, body: Any,
    options: WriteOptions, subresource: str = "",
) -> tuple[Stored, bool]:  # fmt: skip
    """Change an object by a patch.

    Args:
        kind: JSON, MERGE, STRATEGIC or APPLY.

    Returns:
        What is stored now, and whether it was made by this (an apply may).

    Raises:
        ApiError: 400 for what is no patch; 404; 409 for conflicts; 422 for an invalid outcome.
    """
    if kind == APPLY:
        return _apply(context, resource, namespace, name, body, options, subresource)
    old = writes.get_stored(context, resource, namespace, name)
    value = patched(old.value, kind, body, resource)
    value = _reread(resource, value, body, options)
    check_identity(value, resource, namespace, name)
    return writes.save(context, resource, old, value, options, subresource), False


def patched(value: Object, kind: str, body: Any, resource: Resource) -> Object:
    """What a patch makes of ``value``, before anything is checked."""
    if kind == JSON:
        found = apply_json_patch(copy(value), body)
    elif not isinstance(body, dict):
        raise bad_request("error decoding patch: json: cannot unmarshal into Go value of type map")
    elif kind == MERGE:
        found = apply_merge_patch(copy(value), body)
    else:
        found = apply_strategic_patch(copy(value), body, resource.schema)
    if not isinstance(found, dict):
        raise bad_request("the patched object is not an object")
    return found


def _reread(resource: Resource, value: Object, body: Any, options: WriteOptions) -> Object:
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        value["metadata"] = {}
    return read(resource, value, options)


def _apply(
    context: Context, resource: Resource, namespace: str, name: str, body: Any,
    options: WriteOptions, subresource: str,
) -> tuple[Stored, bool]:  # fmt: skip
    config = _checked(resource, name, body, options)
    check_identity(config, resource, namespace, name)
    config["metadata"]["name"] = name
    config = _scoped(config, resource, subresource)
    writer = writes.applier(context, resource, options, subresource)
    stored = context.store.get(context.key(resource, namespace, name))
    if stored is None:
        if subresource:
            raise not_found(resource.group, resource.plural, name)
        if config["metadata"].get("uid"):
            raise ApiError(
                409,
                "Conflict",
                "uid mismatch: the provided object specified uid"
                f" {config['metadata']['uid']}, and no existing object was found",
            )
        empty: Object = {key: config[key] for key in ("kind", "apiVersion")}
        merged, owners = managers.apply(
            empty, config, resource.schema, [], writer, force=options.force
        )
        return writes.insert(
            context, resource, read(resource, merged, options), options, owners
        ), True
    old = context.view(stored, resource)
    before = managers.decode(old.value["metadata"].get("managedFields"))
    merged, owners = managers.apply(
        old.value, config, resource.schema, before, writer, force=options.force
    )
    value = read(resource, merged, options.but(validation="Ignore"))
    return writes.save(context, resource, old, value, options, subresource, owners), False


def _checked(resource: Resource, name: str, body: Any, options: WriteOptions) -> Object:
    if not isinstance(body, dict):
        raise bad_request("error decoding YAML: the configuration is not an object")
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    for field in ("apiVersion", "kind"):
        if not body.get(field):
            raise bad_request(f"Object '{field[0].upper()}{field[1:]}' is missing in the body")
    return read(resource, copy(body), options)


def _scoped(config: Object, resource: Resource, subresource: str) -> Object:
    """What an endpoint does not listen to is not applied by it."""
    if subresource == "status":
        metadata = {
            key: config["metadata"][key]
            for key in ("name", "namespace", "resourceVersion", "uid")
            if key in config["metadata"]
        }
        found = {"kind": config["kind"], "apiVersion": config["apiVersion"], "metadata": metadata}
        return {**found, "status": config["status"]} if "status" in config else found
    if resource.strategy.has_status:
        return {key: each for key, each in config.items() if key != "status"}
    return config
