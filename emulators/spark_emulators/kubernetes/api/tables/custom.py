"""Columns of custom kinds: ``additionalPrinterColumns`` and their JSON paths."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.tables.table import AGE, NAME, Cell, Column, age
from spark_emulators.kubernetes.store.store import Object

__all__ = ["columns", "find"]

_STEP = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\]\\])+)        # .name, dots escaped
      | \[['"](?P<quoted>[^'"]*)['"]\]         # ['name']
      | \[(?P<index>-?\d+)\]                   # [0]
      | \[(?P<all>\*)\]                        # [*]
      | \[\?\(@\.(?P<key>[\w.\-]+)\s*==\s*['"]?(?P<value>[^'"\])]*)['"]?\)\]  # [?(@.type=="Ready")]
    """,
    re.VERBOSE,
)


def columns(resource: Resource) -> tuple[Column, ...]:
    """Name, then what the definition asks for; Name and Age where it asks for nothing."""
    assert resource.custom is not None
    asked = resource.custom.columns
    if not asked:
        return (NAME, Column("Age", AGE.cell, type="date"))
    return (NAME, *(_column(each) for each in asked))


def _column(asked: Mapping[str, Any]) -> Column:
    return Column(
        asked["name"],
        _cell(asked["jsonPath"], asked.get("type", "string")),
        wide=asked.get("priority", 0) > 0,
        type=asked.get("type", "string"),
        format=asked.get("format", ""),
        description=asked.get("description", ""),
    )


def _cell(path: str, kind: str) -> Cell:
    def cell(value: Object, now: float) -> Any:
        found = find(value, path)
        if not found:
            return None
        first = found[0]
        if kind == "date":
            try:
                return age(first if isinstance(first, str) else None, now)
            except ValueError:
                return "<invalid>"
        if kind == "string" and not isinstance(first, str):
            return json.dumps(first, separators=(",", ":"))
        if kind == "integer" and isinstance(first, float):
            return int(first)
        if kind in ("integer", "number", "boolean") and isinstance(first, (str, dict, list)):
            return None
        return first

    return cell


def find(value: Any, path: str) -> list[Any]:
    """What a simple JSON path leads to: names, indices, ``[*]`` and ``[?(@.a=="b")]``."""
    found, at = [value], 0
    path = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    path = path if path.startswith((".", "[")) else f".{path}"
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return []
        at = step.end()
        found = [each for one in found for each in _step(one, step)]
    return [each for each in found if each is not None]


def _step(value: Any, step: re.Match[str]) -> list[Any]:
    name = step["name"].replace("\\", "") if step["name"] else step["quoted"]
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return list(value.values()) if step["all"] and isinstance(value, dict) else []
    if step["all"]:
        return value
    if step["index"]:
        index = int(step["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    return [
        each
        for each in value
        if isinstance(each, dict) and str(find(each, step["key"])[:1]) == str([step["value"]])
    ]
