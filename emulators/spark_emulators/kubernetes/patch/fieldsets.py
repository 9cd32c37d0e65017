"""Sets of field paths, in the very shape of FieldsV1.

A set is a tree of dictionaries: a key is a path element (``f:name``, ``k:{…}``, ``v:…``), an empty
child is a member, and ``.`` marks a member that has members below it. Nothing here mutates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["FieldSet", "difference", "intersection", "is_member", "paths", "render", "union"]

FieldSet = dict[str, Any]
_SELF = "."


def is_member(node: FieldSet) -> bool:
    """Whether the path that leads to ``node`` is in the set."""
    return not node or _SELF in node


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths of either set."""
    if not left or not right:
        return left or right
    found = dict(left)
    for key, node in right.items():
        mine = found.get(key)
        if mine is None:
            found[key] = node
        elif key != _SELF:
            found[key] = _build(
                is_member(mine) or is_member(node), union(_below(mine), _below(node))
            )
    return found


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths of ``left`` that are not in ``right``."""
    found = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None:
            found[key] = node
        elif key != _SELF:
            member = is_member(node) and not is_member(other)
            below = difference(_below(node), _below(other))
            if member or below:
                found[key] = _build(member, below)
    return found


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths of both sets."""
    found = {}
    for key, node in left.items():
        other = right.get(key)
        if other is not None and key != _SELF:
            member = is_member(node) and is_member(other)
            below = intersection(_below(node), _below(other))
            if member or below:
                found[key] = _build(member, below)
    return found


def without_subtrees(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths of ``left`` that are neither in ``right`` nor below a path of it."""
    found = {}
    for key, node in left.items():
        other = right.get(key)
        if other is None:
            found[key] = node
        elif key != _SELF and not is_member(other):
            below = without_subtrees(_below(node), other)
            if is_member(node) or below:
                found[key] = _build(is_member(node), below)
    return found


def paths(tree: FieldSet, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All members, in order."""
    for key in sorted(tree):
        if key == _SELF:
            continue
        path = (*prefix, key)
        if is_member(tree[key]):
            yield path
        yield from paths(tree[key], path)


def from_paths(members: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> FieldSet:
    """The set of these paths."""
    found: FieldSet = {}
    for path in members:
        single: FieldSet = {}
        for element in reversed(path):
            single = {element: single}
        found = union(found, single)
    return found


def render(path: tuple[str, ...]) -> str:
    """A path as people read it: ``.spec.containers[name="main"].image``."""
    text = ""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            keys = ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items())
            text += f"[{keys}]"
        elif kind == "v":
            text += f"[={rest}]"
        else:
            text += f"[{rest}]"
    return text


def build(member: bool, below: FieldSet) -> FieldSet:
    """A node: in the set itself or not, with what is below it."""
    return _build(member, below)


def _build(member: bool, below: FieldSet) -> FieldSet:
    return {_SELF: {}, **below} if member and below else below


def _below(node: FieldSet) -> FieldSet:
    if _SELF not in node:
        return node
    return {key: value for key, value in node.items() if key != _SELF}
