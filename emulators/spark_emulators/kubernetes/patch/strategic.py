"""Strategic merge patch: like a merge patch, but lists of the built-in kinds merge by key.

Directives: ``$patch`` (delete, replace, merge), ``$retainKeys``, ``$deleteFromPrimitiveList/FIELD``
and ``$setElementOrder/FIELD``.
"""

from __future__ import annotations

import json
from typing import Any

from spark_emulators.kubernetes.errors import ApiError, bad_request
from spark_emulators.kubernetes.schemas.types import ANY, Schema

__all__ = ["apply_strategic_patch"]

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def apply_strategic_patch(value: dict[str, Any], patch: Any, schema: Schema) -> dict[str, Any]:
    """``value`` with ``patch`` merged in by the strategies of ``schema``.

    Raises:
        ApiError: 400 for what is no patch, or contradicts the schema.
    """
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: the patch is not an object")
    merged = _maps(value, patch, schema)
    return merged if isinstance(merged, dict) else {}


def _maps(value: dict[str, Any], patch: dict[str, Any], schema: Schema) -> dict[str, Any]:
    directive = patch.get(_PATCH)
    if directive == "replace":
        cleaned: dict[str, Any] = _clean(
            {key: each for key, each in patch.items() if key != _PATCH}
        )
        return cleaned
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise _unknown(directive)
    found = dict(value)
    if _RETAIN in patch:
        retained = patch[_RETAIN]
        if not isinstance(retained, list):
            raise bad_request("the retainKeys directive must be a list")
        found = {key: each for key, each in found.items() if key in retained}
    for name, each in patch.items():
        if name in (_PATCH, _RETAIN) or name.startswith((_DELETE, _ORDER)):
            continue
        if each is None:
            found.pop(name, None)
        else:
            found[name] = _field(found.get(name), each, _child(schema, name), patch, name)
    for key, gone in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            if not isinstance(gone, list):
                raise bad_request(f"{key} must be a list")
            if isinstance(found.get(name), list):
                found[name] = [each for each in found[name] if each not in gone]
    for key, order in patch.items():
        if key.startswith(_ORDER) and key.removeprefix(_ORDER) not in patch:
            name = key.removeprefix(_ORDER)
            if isinstance(found.get(name), list):
                found[name] = _ordered(found[name], value.get(name), order, _child(schema, name))
    return found


def _field(value: Any, patch: Any, schema: Schema, siblings: dict[str, Any], name: str) -> Any:
    if isinstance(patch, dict):
        if isinstance(value, dict):
            if "replace" in schema.strategies:
                return _clean(patch)
            return _maps(value, patch, schema)
        return _maps({}, patch, schema)
    if not isinstance(patch, list):
        return patch
    if schema.type != "array" or "merge" not in schema.strategies:
        return _clean(patch)
    if not all(isinstance(each, dict) for each in patch):
        merged = list(value or [])
        merged += [each for each in patch if each not in merged]
    else:
        merged = _lists(value if isinstance(value, list) else [], patch, schema)
    order = siblings.get(_ORDER + name)
    return _ordered(merged, value, order, schema) if order is not None else merged


def _lists(value: list[Any], patch: list[dict[str, Any]], schema: Schema) -> list[Any]:
    key = schema.merge_key
    for each in patch:
        if set(each) == {_PATCH} and each[_PATCH] == "replace":
            return [_clean(one) for one in patch if _PATCH not in one]
    found = list(value)
    for each in patch:
        directive = each.get(_PATCH)
        if key not in each:
            raise bad_request(f"map: {json.dumps(each)} does not contain declared merge key: {key}")
        matches = [
            index
            for index, one in enumerate(found)
            if isinstance(one, dict) and one.get(key) == each[key]
        ]
        if directive == "delete":
            found = [one for index, one in enumerate(found) if index not in matches]
        elif directive == "replace":
            new = _clean({name: one for name, one in each.items() if name != _PATCH})
            found = [one for index, one in enumerate(found) if index not in matches]
            found.insert(matches[0] if matches else len(found), new)
        elif directive not in (None, "merge"):
            raise _unknown(directive)
        elif matches:
            found[matches[0]] = _maps(found[matches[0]], each, schema.items)
        else:
            found.append(_maps({}, each, schema.items))
    return found


def _ordered(merged: list[Any], before: Any, order: Any, schema: Schema) -> list[Any]:
    """Elements named by ``order`` in that order; others keep their places relative to the rest."""
    if not isinstance(order, list):
        raise bad_request("setElementOrder must be a list")
    key = schema.merge_key

    def name_of(element: Any) -> str:
        one = element.get(key) if isinstance(element, dict) else element
        return json.dumps(one)

    places = {name_of(each): index for index, each in enumerate(order)}
    listed = sorted(
        (each for each in merged if name_of(each) in places), key=lambda each: places[name_of(each)]
    )
    old = {name_of(each): index for index, each in enumerate(before or [])}
    found: list[Any] = []
    rest = [each for each in merged if name_of(each) not in places]
    while listed or rest:
        if not rest:
            found.append(listed.pop(0))
        elif not listed or old.get(name_of(rest[0]), len(old)) < old.get(name_of(listed[0]), -1):
            found.append(rest.pop(0))
        else:
            found.append(listed.pop(0))
    return found


def _clean(value: Any) -> Any:
    """Without directives and nulls, for what is put in place of something."""
    if isinstance(value, dict):
        return {
            key: _clean(each)
            for key, each in value.items()
            if not key.startswith("$") and each is not None
        }
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return value


def _child(schema: Schema, name: str) -> Schema:
    return (schema.field(name) or ANY) if schema.type != "any" else ANY


def _unknown(directive: object) -> ApiError:
    return bad_request(f"Unknown patch directive: {directive}")
