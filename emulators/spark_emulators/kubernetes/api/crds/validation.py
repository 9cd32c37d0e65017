"""Objects against a structural schema: every fault, in the real server's words. Pure."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from spark_emulators.kubernetes.api.objects import parse_time
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.patch.typed import element_key
from spark_emulators.kubernetes.schemas.types import Schema

__all__ = ["faults", "update_faults"]

_CHECKED_BY_METADATA = frozenset({"apiVersion", "kind", "metadata"})


def faults(value: Any, schema: Schema, path: str = "") -> list[Cause]:
    """Everything in ``value`` that breaks ``schema``."""
    found = _type_faults(value, schema, path)
    if found:
        return found
    if value is None:
        return []
    if isinstance(value, dict):
        found = _object_faults(value, schema, path)
    elif isinstance(value, list):
        found = _list_faults(value, schema, path)
    else:
        found = _scalar_faults(value, schema, path)
    if "enum" in schema.raw and value not in schema.raw["enum"]:
        allowed = [
            each if isinstance(each, str) else json.dumps(each) for each in schema.raw["enum"]
        ]
        found.append(Cause.unsupported(path, value, sorted(allowed)))
    return found + _combined_faults(value, schema, path)


def update_faults(value: Any, old: Any, schema: Schema) -> list[Cause]:
    """The faults an update brings in: what was wrong and is unchanged stays allowed."""
    found = faults(value, schema)
    if not found:
        return []
    return [each for each in found if _at(value, each.field) != _at(old, each.field)]


_MISSING = object()


def _at(value: Any, path: str) -> Any:
    for part in re.findall(r"\[(\d+)\]|([^.\[\]]+)", path):
        index, name = part
        if index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        elif name and isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return _MISSING if not index else None
    return value


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"


def _type_faults(value: Any, schema: Schema, path: str) -> list[Cause]:
    wanted, got = schema.type, _type_of(value)
    if value is None:
        if schema.nullable or wanted == "any":
            return []
        text = f'Invalid value: "null": {path} in body must be of type {wanted}: "null"'
        return [Cause("FieldValueTypeInvalid", text, path)]
    if wanted in ("any", got) or (wanted == "number" and got == "integer"):
        return []
    if wanted == "int-or-string" and got in ("integer", "string"):
        return []
    if wanted == "integer" and got == "number" and value.is_integer():
        return []
    wanted = "integer,string" if wanted == "int-or-string" else wanted
    text = f'Invalid value: "{got}": {path} in body must be of type {wanted}: "{got}"'
    return [Cause("FieldValueTypeInvalid", text, path)]


def _object_faults(value: dict[str, Any], schema: Schema, path: str) -> list[Cause]:
    found = []
    for name in schema.required:
        child = schema.field(name)
        null = value.get(name) is None and not (child and child.nullable)
        if name not in value or null:
            found.append(Cause.required(_join(path, name)))
    raw = schema.raw
    if len(value) < raw.get("minProperties", 0):
        text = f"{path} in body should have at least {raw['minProperties']} properties"
        found.append(Cause.invalid(path, len(value), text))
    if "maxProperties" in raw and len(value) > raw["maxProperties"]:
        text = f"Too many: {len(value)}: must have at most {raw['maxProperties']} items"
        found.append(Cause("FieldValueTooMany", text, path))
    for name, each in value.items():
        if not path and name in _CHECKED_BY_METADATA:
            continue
        child = schema.field(name)
        if each is None and name in schema.required:
            continue
        if child is not None and child.raw:
            found += faults(each, child, _join(path, name))
    if schema.embedded:
        for name in ("apiVersion", "kind"):
            if not value.get(name):
                found.append(Cause.required(_join(path, name), "must not be empty"))
    return found


def _list_faults(value: list[Any], schema: Schema, path: str) -> list[Cause]:
    raw, found = schema.raw, []
    if len(value) < raw.get("minItems", 0):
        text = f"{path} in body should have at least {raw['minItems']} items"
        found.append(Cause.invalid(path, len(value), text))
    if "maxItems" in raw and len(value) > raw["maxItems"]:
        text = f"Too many: {len(value)}: must have at most {raw['maxItems']} items"
        found.append(Cause("FieldValueTooMany", text, path))
    for index, each in enumerate(value):
        found += faults(each, schema.items, f"{path}[{index}]")
    if schema.list_type in ("set", "map"):
        seen: set[str] = set()
        for index, each in enumerate(value):
            key = element_key(each, schema, index)
            if key in seen:
                shown = json.loads(key[2:]) if key[:2] in ("k:", "v:") else each
                found.append(Cause.duplicate(f"{path}[{index}]", shown))
            seen.add(key)
    return found


def _scalar_faults(value: Any, schema: Schema, path: str) -> list[Cause]:
    raw = schema.raw
    if isinstance(value, str):
        return _string_faults(value, schema, path)
    if isinstance(value, bool):
        return []
    found = []
    for name, exclusive, worse, words in (
        ("minimum", "exclusiveMinimum", value.__lt__, "greater than"),
        ("maximum", "exclusiveMaximum", value.__gt__, "less than"),
    ):
        bound = raw.get(name)
        if bound is None:
            continue
        if worse(bound) is True or (raw.get(exclusive) and value == bound):
            equal = "" if raw.get(exclusive) else " or equal to"
            text = f"{path} in body should be {words}{equal} {bound}"
            found.append(Cause.invalid(path, value, text))
    step = raw.get("multipleOf")
    if step and (value / step) != int(value / step):
        found.append(Cause.invalid(path, value, f"{path} in body should be a multiple of {step}"))
    return found


def _string_faults(value: str, schema: Schema, path: str) -> list[Cause]:
    raw, found = schema.raw, []
    if "maxLength" in raw and len(value) > raw["maxLength"]:
        found.append(Cause.too_long(path, raw["maxLength"]))
    if len(value) < raw.get("minLength", 0):
        text = f"{path} in body should be at least {raw['minLength']} chars long"
        found.append(Cause.invalid(path, value, text))
    if "pattern" in raw and not _pattern(raw["pattern"]).search(value):
        found.append(Cause.invalid(path, value, f"{path} in body should match '{raw['pattern']}'"))
    if raw.get("format") == "date-time":
        try:
            parse_time(value)
        except (ValueError, OverflowError):
            text = f"{path} in body must be of type date-time: {json.dumps(value)}"
            found.append(Cause.invalid(path, value, text))
    return found


@functools.lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error:  # Go's syntax differs in rare places: what cannot be checked passes
        return re.compile("")


def _combined_faults(value: Any, schema: Schema, path: str) -> list[Cause]:
    raw, found = schema.raw, []
    for each in raw.get("allOf", ()):
        found += faults(value, Schema(each, custom=True), path)
    shown = f'"{path}"'
    choices = [] if raw.get("x-kubernetes-int-or-string") else raw.get("anyOf", [])
    if choices and all(faults(value, Schema(each, custom=True), path) for each in choices):
        text = f"{shown} must validate at least one schema (anyOf)"
        found.append(Cause.invalid(path, value, text))
    if "oneOf" in raw:
        fits = sum(not faults(value, Schema(each, custom=True), path) for each in raw["oneOf"])
        if fits != 1:
            many = "Found none valid" if not fits else f"Found {fits} valid alternatives"
            text = f"{shown} must validate one and only one schema (oneOf). {many}"
            found.append(Cause.invalid(path, value, text))
    if "not" in raw and not faults(value, Schema(raw["not"], custom=True), path):
        text = f"{shown} must not validate the schema (not)"
        found.append(Cause.invalid(path, value, text))
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
