"""OpenAPI documents, made of the definitions and the registry.

Version 3 is what kubectl validates and explains with; it looks for query parameters and body types
of the PATCH operation, so paths are made from the registry's verbs. Version 2 is a summary: the
definitions, without operations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from spark_emulators.kubernetes.api.crds.definitions import GROUP_RESOURCE, openapi_schema
from spark_emulators.kubernetes.api.registry import Registry, Resource
from spark_emulators.kubernetes.errors import ApiError, no_such_path
from spark_emulators.kubernetes.schemas.builtin import definitions, schema_of
from spark_emulators.kubernetes.store.store import Store
from spark_emulators.kubernetes.wire.discovery import VERSION
from spark_emulators.kubernetes.wire.http import Request, Response

__all__ = ["version_2", "version_3"]

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_METHODS = {"get": "get", "list": "get", "create": "post", "update": "put", "patch": "patch",
            "delete": "delete", "deletecollection": "delete"}  # fmt: skip
_WRITES = ("dryRun", "fieldManager", "fieldValidation")
_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json",
            "application/merge-patch+json")  # fmt: skip
_STRATEGIC = "application/strategic-merge-patch+json"


def version_2(registry: Registry, store: Store, request: Request) -> Response:
    """``/openapi/v2`` as JSON.

    Raises:
        ApiError: 406 for protobuf, which is not spoken.
    """
    accept = request.headers.get("accept", "")
    if accept and not any(each in accept for each in ("json", "*/*")):
        raise ApiError(406, "NotAcceptable", "only application/json is served")
    found = dict(definitions())
    for resource in registry:
        if resource.custom is not None:
            found[_name(resource)] = _custom_schema(resource, store)
    text = _head("2.0") | {"swagger": "2.0", "paths": {}, "definitions": _moved(found)}
    text.pop("openapi")
    return Response(text)


def version_3(registry: Registry, store: Store, request: Request) -> Response:
    """``/openapi/v3`` and the documents below it.

    Raises:
        ApiError: 404.
    """
    parts = request.segments[2:]
    if not parts:
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_hash(registry, path)}"}
            for path in _documents(registry)
        }
        return Response({"paths": paths})
    path = "/".join(parts)
    if path not in _documents(registry):
        raise no_such_path()
    return Response(_document(registry, store, path))


def _documents(registry: Registry) -> list[str]:
    found = []
    for group, versions in registry.groups().items():
        found += [f"apis/{group}/{each}" if group else f"api/{each}" for each in versions]
    return found


def _hash(registry: Registry, path: str) -> str:
    return hashlib.sha256(f"{path} {VERSION} {registry.changes}".encode()).hexdigest().upper()


def _head(version: str) -> dict[str, Any]:
    return {"openapi": version, "info": {"title": "Kubernetes", "version": VERSION}}


def _document(registry: Registry, store: Store, path: str) -> dict[str, Any]:
    parts = path.split("/")
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    wanted = [f"{_META}Status", f"{_META}DeleteOptions", f"{_META}Patch"]
    for resource in registry:
        if (resource.group, resource.version) != (group, version):
            continue
        name = _name(resource)
        if resource.custom is not None:
            schemas[name] = _custom_schema(resource, store)
            wanted += list(_references(schemas[name]))
        else:
            wanted.append(name)
            wanted += _sub_names(resource)
        paths.update(_paths(resource, name, path))
    while wanted:
        name = wanted.pop()
        if name not in schemas and name in definitions():
            schemas[name] = definitions()[name]
            wanted += list(_references(schemas[name]))
    return {**_head("3.0.0"), "paths": paths, "components": {"schemas": schemas}}


def _name(resource: Resource) -> str:
    if resource.custom is None:
        return schema_of(resource.group, resource.version, resource.kind).name
    reverse = ".".join(reversed(resource.group.split(".")))
    return f"{reverse}.{resource.version}.{resource.kind}"


def _sub_names(resource: Resource) -> list[str]:
    found = []
    for sub in resource.subresources.values():
        try:
            found.append(schema_of(sub.group, sub.version, sub.kind).name)
        except KeyError:  # options of exec and the like are no kinds
            continue
    return found


def _custom_schema(resource: Resource, store: Store) -> dict[str, Any]:
    assert resource.custom is not None
    for stored in store.list(GROUP_RESOURCE):
        if stored.key.name == resource.custom.definition:
            for entry in stored.value["spec"]["versions"]:
                if entry["name"] == resource.version:
                    return openapi_schema(resource.group, resource.version, resource.kind, entry)
    return {"type": "object"}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_REF)
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _moved(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: value.replace(_REF, "#/definitions/") if key == "$ref" else _moved(value)
            for key, value in node.items()
        }
    return [_moved(each) for each in node] if isinstance(node, list) else node


def _paths(resource: Resource, name: str, document: str) -> dict[str, Any]:
    base = f"/{document}/"
    if resource.namespaced:
        base += "namespaces/{namespace}/"
    collection, single = f"{base}{resource.plural}", f"{base}{resource.plural}/{{name}}"
    found: dict[str, Any] = {}
    for verb in resource.verbs:
        if verb == "watch":
            continue
        path = collection if verb in ("list", "create", "deletecollection") else single
        found.setdefault(path, {})[_METHODS[verb]] = _operation(resource, name, verb)
    for sub in resource.subresources.values():
        if sub.name == "status":
            entry = found.setdefault(f"{single}/status", {})
            for verb in sub.verbs:
                entry[_METHODS[verb]] = _operation(resource, name, verb)
    return found


def _operation(resource: Resource, name: str, verb: str) -> dict[str, Any]:
    reference = {"schema": {"$ref": _REF + name}}
    action = "post" if verb == "create" else "put" if verb == "update" else verb
    operation: dict[str, Any] = {
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }
    if verb in ("create", "update", "patch"):
        wanted = (*_WRITES, "force") if verb == "patch" else _WRITES
        operation["parameters"] = [
            {
                "in": "query",
                "name": each,
                "schema": {"type": "boolean" if each == "force" else "string", "uniqueItems": True},
            }
            for each in wanted
        ]
        content = {"*/*": reference}
        if verb == "patch":
            patch = {"schema": {"$ref": f"{_REF}{_META}Patch"}}
            kinds = _PATCHES if resource.custom is not None else (*_PATCHES, _STRATEGIC)
            content = dict.fromkeys(kinds, patch)
        operation["requestBody"] = {"content": content, "required": True}
    return operation
