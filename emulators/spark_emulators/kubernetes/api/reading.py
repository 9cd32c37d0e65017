"""A request's body becomes an object of the resource's kind: types, unknown fields, identity."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.crds.structural import pruned
from spark_emulators.kubernetes.api.decoding import Misfit, decode
from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import bad_request
from spark_emulators.kubernetes.schemas.builtin import definition
from spark_emulators.kubernetes.schemas.types import Schema
from spark_emulators.kubernetes.store.store import Object

__all__ = ["check_identity", "read", "read_kind"]

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def read(resource: Resource, body: Any, options: WriteOptions) -> Object:
    """Check and clean a body that should hold an object of ``resource``.

    Raises:
        ApiError: 400 for another kind, wrong types and, where asked for, unknown fields.
    """
    if not isinstance(body, dict):
        raise bad_request(
            f"couldn't get version/kind; json parse error: json: cannot unmarshal"
            f" {_json_type(body)} into Go value of type struct"
        )
    api_version, kind = body.get("apiVersion", ""), body.get("kind", "")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        raise bad_request("couldn't get version/kind; json parse error: apiVersion, kind")
    if (kind and kind != resource.kind) or (api_version and api_version != resource.api_version):
        raise bad_request(_mismatch(api_version, kind, resource))
    if not kind or not api_version:
        if resource.custom is not None:
            missing = "kind" if not kind else "apiVersion"
            raise bad_request(f"Object '{missing.capitalize()}' is missing in the body")
        body = {"kind": resource.kind, "apiVersion": resource.api_version, **body}
        body["kind"], body["apiVersion"] = resource.kind, resource.api_version
    if resource.custom is not None:
        return _read_custom(resource, body, options)
    return read_kind(body, resource.schema, options)


def read_kind(body: dict[str, Any], schema: Schema, options: WriteOptions) -> Object:
    """Clean an object of a built-in kind; used for subresources' kinds as well."""
    kind, api_version = body.get("kind", ""), body.get("apiVersion", "")
    head = f'{kind} in version "{api_version.rpartition("/")[2]}" cannot be handled as a {kind}'
    try:
        decoded = decode(body, schema)
    except Misfit as error:
        raise bad_request(f"{head}: {error}") from error
    _report(decoded.unknown, options, head)
    value = {"kind": kind, "apiVersion": api_version, "metadata": {}, **decoded.value}
    return _in_order(value)


def _read_custom(resource: Resource, body: dict[str, Any], options: WriteOptions) -> Object:
    head = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_request(
            f"{head}: json: cannot unmarshal {_json_type(metadata)} into Go struct field"
            " .metadata of type v1.ObjectMeta"
        )
    try:
        decoded = decode(metadata or {}, definition(_OBJECT_META))
    except Misfit as error:
        raise bad_request(f"{head}: {error}") from error
    unknown = [f"metadata.{each}" for each in decoded.unknown]
    value = pruned(copy(body), resource.schema, unknown)
    _report(unknown, options, head)
    value["metadata"] = decoded.value
    return _in_order(value)


def _report(unknown: list[str], options: WriteOptions, head: str) -> None:
    if options.validation == "Ignore" or not (unknown or options.duplicates):
        return
    faults = [f'unknown field "{each}"' for each in unknown]
    faults += [f'duplicate field "{each}"' for each in options.duplicates]
    if options.validation == "Strict":
        raise bad_request(f"{head}: strict decoding error: {', '.join(faults)}")
    for each in faults:
        options.warn(each)


def check_identity(value: Object, resource: Resource, namespace: str, name: str = "") -> None:
    """Check the object against the path it was sent to, and fill in its namespace.

    Raises:
        ApiError: 400 where they contradict each other.
    """
    metadata = value["metadata"]
    if resource.namespaced:
        if metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the"
                " request"
            )
    elif metadata.get("namespace"):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if name and metadata.get("name", name) != name:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL"
            f" ({name})"
        )


def _in_order(value: Object) -> Object:
    """Kind, version and metadata first, as the real server writes them."""
    head = {key: value[key] for key in ("kind", "apiVersion", "metadata")}
    return {**head, **{key: each for key, each in value.items() if key not in head}}


def _mismatch(api_version: str, kind: str, resource: Resource) -> str:
    if kind and kind != resource.kind:
        group_version = api_version or resource.api_version
        return (
            f"{kind} in version {group_version.rpartition('/')[2]!r} cannot be handled as a"
            f" {resource.kind}: no kind {kind!r} is registered for version {group_version!r}"
        ).replace("'", '"')
    return (
        f"the API version in the data ({api_version}) does not match the expected API version"
        f" ({resource.api_version})"
    )


def _json_type(value: Any) -> str:
    return {str: "string", bool: "bool", list: "array", type(None): "null"}.get(
        type(value), "number"
    )
