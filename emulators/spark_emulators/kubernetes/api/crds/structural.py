"""Structural schemas at work: defaults, pruning. Pure."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.schemas.types import Schema

__all__ = ["defaulted", "pruned"]

_META = frozenset({"apiVersion", "kind", "metadata"})


def defaulted(value: Any, schema: Schema) -> Any:
    """``value`` with the schema's defaults; ``value`` itself where nothing is missing."""
    if isinstance(value, dict):
        changed: dict[str, Any] = {}
        for name, raw in schema.properties.items():
            if name in _META and (schema.embedded or name == "metadata"):
                continue
            each = value.get(name)
            if (each is None and name not in value) or (each is None and not raw.get("nullable")):
                if raw.get("default") is not None:
                    child = schema.field(name)
                    assert child is not None
                    changed[name] = defaulted(copy(raw["default"]), child)
                continue
            child = schema.field(name)
            if child is not None and each is not None:
                below = defaulted(each, child)
                if below is not each:
                    changed[name] = below
        extra = schema.additional
        if extra is not None and extra.raw:
            for name, each in value.items():
                if name not in schema.properties:
                    below = defaulted(each, extra)
                    if below is not each:
                        changed[name] = below
        return {**value, **changed} if changed else value
    if isinstance(value, list) and schema.type == "array":
        found = [defaulted(each, schema.items) for each in value]
        if any(new is not old for new, old in zip(found, value, strict=True)):
            return found
    return value


def pruned(
    value: Any, schema: Schema, unknown: list[str], path: str = "", root: bool = True
) -> Any:
    """``value`` without fields the schema does not name; their paths are added to ``unknown``."""
    if isinstance(value, dict):
        found = {}
        keeps_all = schema.type == "any" and not schema.raw
        for name, each in value.items():
            here = f"{path}.{name}" if path else name
            if (root or schema.embedded) and name in _META:
                found[name] = each
            elif name in schema.properties:
                child = schema.field(name)
                assert child is not None
                found[name] = pruned(each, child, unknown, here, False)
            elif schema.additional is not None:
                found[name] = pruned(each, schema.additional, unknown, here, False)
            elif keeps_all or schema.preserves_unknown:
                found[name] = each
            else:
                unknown.append(here)
        return found
    if isinstance(value, list) and schema.type == "array":
        return [
            pruned(each, schema.items, unknown, f"{path}[{index}]", False)
            for index, each in enumerate(value)
        ]
    return value
