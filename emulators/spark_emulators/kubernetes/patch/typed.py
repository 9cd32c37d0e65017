"""Objects seen through a schema: which fields they set, how two of them differ, how they merge.

This is what server-side apply rests on. Lists are ``map`` (elements told apart by keys), ``set``
or atomic; maps are granular or atomic, as the schema says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from spark_emulators.kubernetes.patch.fieldsets import FieldSet, build, is_member
from spark_emulators.kubernetes.schemas.types import ANY, Schema

__all__ = ["Comparison", "DuplicateKey", "compare", "fields_of", "merge", "remove"]

_ABSENT = object()


class DuplicateKey(Exception):
    """Two elements of a list cannot be told apart."""


@dataclass
class Comparison:
    """What became of an object's fields."""

    added: FieldSet = field(default_factory=dict)
    modified: FieldSet = field(default_factory=dict)
    removed: FieldSet = field(default_factory=dict)


def element_key(value: Any, schema: Schema, index: int) -> str:
    """The path element of a list's element."""
    if schema.list_type == "set":
        return "v:" + json.dumps(value, separators=(",", ":"), sort_keys=True)
    if not isinstance(value, dict):
        return f"i:{index}"
    keys = {}
    for name in sorted(schema.list_keys):
        found = value.get(name)
        if found is None:
            child = schema.items.field(name)
            found = child.default if child else None
        if found is not None:
            keys[name] = found
    return "k:" + json.dumps(keys, separators=(",", ":"))


def _kind(schema: Schema, *values: Any) -> str:
    """How to go on: ``map``, ``list`` or ``leaf``. Without a schema, dictionaries are maps."""
    present = [each for each in values if each is not _ABSENT and each is not None]
    if present and all(isinstance(each, dict) for each in present):
        if schema.type == "any" or (schema.type == "object" and not schema.atomic):
            return "map"
    elif (
        present
        and all(isinstance(each, list) for each in present)
        and schema.type == "array"
        and not schema.atomic
    ):
        return "list"
    return "leaf"


def _child(schema: Schema, name: str) -> Schema:
    return (schema.field(name) or ANY) if schema.type != "any" else ANY


def fields_of(value: Any, schema: Schema) -> FieldSet:
    """The set of fields an apply configuration speaks of.

    Raises:
        DuplicateKey: elements of a list share their key.
    """
    found: FieldSet = {}
    kind = _kind(schema, value)
    if kind == "map":
        for name, each in value.items():
            child = _child(schema, name)
            below = fields_of(each, child) if each else {}
            named = name in schema.properties
            found[f"f:{name}"] = build(not named or not below, below)
    elif kind == "list":
        for index, each in enumerate(value):
            key = element_key(each, schema, index)
            if key in found:
                raise DuplicateKey(key)
            found[key] = build(True, fields_of(each, schema.items))
    return found


def compare(old: Any, new: Any, schema: Schema) -> Comparison:
    """What changed from ``old`` to ``new``."""
    added, modified, removed = _compare(old, new, schema)
    return Comparison(added or {}, modified or {}, removed or {})


_Three = tuple["FieldSet | None", "FieldSet | None", "FieldSet | None"]
_NO: _Three = (None, None, None)


def _compare(old: Any, new: Any, schema: Schema) -> _Three:
    """Nodes of what was added, modified and removed; None where nothing."""
    if old is new:
        return _NO
    kind = _kind(schema, old, new)
    if kind == "leaf" or ((not old or old is _ABSENT) and (not new or new is _ABSENT)):
        if old is _ABSENT:
            return {}, None, None
        if new is _ABSENT:
            return None, None, {}
        return _NO if old == new and type(old) is type(new) else (None, {}, None)
    parts: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})
    if kind == "map":
        _compare_maps(old, new, schema, parts)
    else:
        _compare_lists(old, new, schema, parts)
    # a collection that appears or goes is itself part of the change
    return (
        build(True, parts[0]) if old is _ABSENT else parts[0] or None,
        parts[1] or None,
        build(True, parts[2]) if new is _ABSENT else parts[2] or None,
    )


def _compare_maps(
    old: Any, new: Any, schema: Schema, parts: tuple[FieldSet, FieldSet, FieldSet]
) -> None:
    left = old if isinstance(old, dict) else {}
    right = new if isinstance(new, dict) else {}
    for name in {**left, **right}:
        child = _child(schema, name)
        # typed kinds always have these, even where JSON leaves them out
        absent = _ABSENT if not _always_there(name, child, schema) else None
        before = left.get(name, absent if isinstance(old, dict) else _ABSENT)
        after = right.get(name, absent if isinstance(new, dict) else _ABSENT)
        _put(parts, f"f:{name}", _compare(before, after, child))


def _always_there(name: str, child: Schema, schema: Schema) -> bool:
    if schema.custom or name not in schema.properties:
        return False
    return child.raw.get("default") == {} or (
        name in schema.required and child.type in ("array", "object")
    )


def _compare_lists(
    old: Any, new: Any, schema: Schema, parts: tuple[FieldSet, FieldSet, FieldSet]
) -> None:
    left = _by_key(old, schema)
    right = _by_key(new, schema)
    for key in {**left, **right}:
        three = _compare(left.get(key, _ABSENT), right.get(key, _ABSENT), schema.items)
        _put(parts, key, three)


def _by_key(value: Any, schema: Schema) -> dict[str, Any]:
    if not isinstance(value, list):
        return {}
    return {element_key(each, schema, index): each for index, each in enumerate(value)}


def _put(parts: tuple[FieldSet, FieldSet, FieldSet], key: str, three: _Three) -> None:
    for part, node in zip(parts, three, strict=True):
        if node is not None:
            part[key] = node


def merge(live: Any, config: Any, schema: Schema) -> Any:
    """What ``live`` becomes when ``config`` says its part."""
    kind = _kind(schema, live, config)
    if live is None or kind == "leaf":
        return config
    if kind == "map":
        found = dict(live)
        for name, each in (config or {}).items():
            found[name] = merge(live.get(name), each, _child(schema, name))
        return found
    return _merge_lists(live, config or [], schema)


def _merge_lists(live: list[Any], config: list[Any], schema: Schema) -> list[Any]:
    """Elements of ``config`` in its order; those only ``live`` has keep their places among them."""
    ours, theirs = _by_key(config, schema), _by_key(live, schema)
    pending = list(ours)
    found, done = [], set()
    for key, element in theirs.items():
        if key not in ours:
            found.append(element)
            continue
        while pending and key not in done:
            following = pending.pop(0)
            done.add(following)
            found.append(merge(theirs.get(following), ours[following], schema.items))
    found.extend(merge(theirs.get(key), ours[key], schema.items) for key in pending)
    return found


def remove(value: Any, gone: FieldSet, kept: FieldSet, schema: Schema) -> Any:
    """``value`` without the paths in ``gone`` that are not in ``kept``.

    A named field of a struct counts as held by whoever holds something below it.
    """
    if isinstance(value, dict):
        found = {}
        for name, each in value.items():
            left, stays = gone.get(f"f:{name}"), kept.get(f"f:{name}")
            if left is None:
                found[name] = each
                continue
            named = name in schema.properties
            if (named or is_member(left)) and not _holds(stays, named):
                continue
            found[name] = remove(each, left, stays or {}, _child(schema, name))
        return found
    if isinstance(value, list) and schema.type == "array" and not schema.atomic:
        elements = []
        for index, each in enumerate(value):
            key = element_key(each, schema, index)
            left, stays = gone.get(key), kept.get(key)
            if left is not None and is_member(left) and not _holds(stays, False):
                continue
            elements.append(remove(each, left, stays or {}, schema.items) if left else each)
        return elements
    return value


def _holds(node: FieldSet | None, named: bool) -> bool:
    return node is not None and (named or is_member(node))
