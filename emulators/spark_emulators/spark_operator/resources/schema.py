"""Structural schemas of the custom resources, from their models.

Kubernetes' own types come from its published definitions, without what a structural schema may not
have. Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources (structural).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from spark_emulators.kubernetes.schemas.builtin import definitions

__all__ = ["structural"]

_REF = "#/components/schemas/"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
# the pattern that Kubernetes' own generator of definitions writes
_QUANTITY_PATTERN = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
_EITHER = {
    "x-kubernetes-int-or-string": True,
    "anyOf": [{"type": "integer"}, {"type": "string"}],
}
_OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def structural(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model."""
    schema = model.model_json_schema(by_alias=True)
    return _own(schema, schema.get("$defs", {}))


def _own(node: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """A node of a model's schema."""
    if "x-core" in node:
        return _core(node["x-core"], required=not node["x-observed"])
    if "$ref" in node:
        return _own(named[node["$ref"].rpartition("/")[2]], named)
    if "anyOf" in node:
        # pydantic's word for optional
        (given,) = (each for each in node["anyOf"] if each.get("type") != "null")
        return _described(_own(given, named), node)
    kept: dict[str, Any] = {key: node[key] for key in ("type", "enum", "minimum") if key in node}
    if node.get("x-kubernetes-preserve-unknown-fields"):
        kept["x-kubernetes-preserve-unknown-fields"] = True
    if node.get("type") == "integer":
        kept["format"] = "int64"
    if node.get("default") == -1:
        kept["default"] = -1
    if "properties" in node:
        kept["properties"] = {
            name: _own(child, named) for name, child in node["properties"].items()
        }
        if node.get("required"):
            kept["required"] = sorted(node["required"])
    if isinstance(node.get("additionalProperties"), dict):
        kept["additionalProperties"] = _own(node["additionalProperties"], named)
    if "items" in node:
        kept["items"] = _own(node["items"], named)
    return _described(kept, node)


def _described(kept: dict[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    if node.get("description"):
        kept = {"description": " ".join(node["description"].split()), **kept}
    return kept


@functools.cache
def _core(name: str, *, required: bool) -> dict[str, Any]:
    """A type of Kubernetes' own."""
    if name == _QUANTITY:
        return {
            **_EITHER,
            "pattern": _QUANTITY_PATTERN,
        }
    return _foreign(definitions()[name], required=required)


def _foreign(node: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    if "$ref" in node:
        return _core(node["$ref"].removeprefix(_REF), required=required)
    if "allOf" in node:
        (only,) = node["allOf"]
        return _foreign(only, required=required)
    if node.get("format") == "int-or-string" or "oneOf" in node:
        return dict(_EITHER)
    kept: dict[str, Any] = {key: node[key] for key in ("type", "format") if key in node}
    if "properties" in node:
        kept["properties"] = {
            name: _foreign(child, required=required) for name, child in node["properties"].items()
        }
        if required and node.get("required"):
            kept["required"] = list(node["required"])
    elif "additionalProperties" in node:
        kept["additionalProperties"] = _foreign(node["additionalProperties"], required=required)
    elif node.get("type") == "object":
        return dict(_OPEN)
    if "items" in node:
        kept["items"] = _foreign(node["items"], required=required)
    return kept
