"""Rows and columns of any resource."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api.objects import parse_time
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["Column", "age", "table"]

Cell = Callable[[Object, float], Any]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: its heading.
        cell: makes a cell of an object and the time.
        wide: shown with ``-o wide`` only.
        type: of the cells.
    """

    name: str
    cell: Cell
    wide: bool = False
    type: str = "string"
    format: str = ""
    description: str = ""

    def definition(self) -> dict[str, Any]:
        """As clients read it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" and not self.format else self.format,
            "description": self.description,
            "priority": 1 if self.wide else 0,
        }


def table(
    resource: Resource,
    objects: Sequence[Stored],
    metadata: dict[str, Any],
    include: str,
    version: str,
    now: float,
) -> dict[str, Any]:
    """Objects as a Table.

    Args:
        include: Metadata, Object or None: what goes with each row.
        now: seconds since the epoch, for ages.
    """
    columns = _columns(resource)
    rows = []
    for each in objects:
        row: dict[str, Any] = {"cells": [column.cell(each.value, now) for column in columns]}
        if include == "Object":
            row["object"] = each.value
        elif include != "None":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": f"meta.k8s.io/{version}",
                "metadata": each.value["metadata"],
            }
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
        "columnDefinitions": [column.definition() for column in columns],
        "rows": rows,
    }


def _columns(resource: Resource) -> tuple[Column, ...]:
    # printers know many kinds; they are read when somebody wants a table
    if resource.custom is not None:
        from spark_emulators.kubernetes.api.tables.custom import columns

        return columns(resource)
    from spark_emulators.kubernetes.api.tables.builtin import COLUMNS

    return COLUMNS.get(resource.group_resource, (NAME, CREATED))


def duration(seconds: float) -> str:
    """An age as kubectl prints it: two units where the first is small."""
    seconds = int(seconds)
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m" + (f"{seconds % 60}s" if seconds % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y" + (f"{days % 365}d" if years < 8 and days % 365 else "")


def age(value: str | None, now: float) -> str:
    """How long ago a timestamp was."""
    if not value:
        return "<unknown>"
    return duration(now - parse_time(value))


def _name(value: Object, _: float) -> str:
    return str(value["metadata"].get("name", ""))


def _age(value: Object, now: float) -> str:
    return age(value["metadata"].get("creationTimestamp"), now)


def _created(value: Object, _: float) -> str:
    return str(value["metadata"].get("creationTimestamp", ""))


NAME = Column("Name", _name, description="Name must be unique within a namespace.")
AGE = Column("Age", _age)
CREATED = Column("Created At", _created, type="date")
