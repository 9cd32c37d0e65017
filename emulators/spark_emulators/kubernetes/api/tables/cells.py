"""Cells that several kinds' tables are made of."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.tables.table import Cell
from spark_emulators.kubernetes.store.store import Object

__all__ = ["NONE", "at", "containers", "modes", "selector"]

NONE = "<none>"
_SHORT = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def at(*path: str, absent: Any = "") -> Cell:
    """What is at a path."""

    def cell(value: Object, _: float) -> Any:
        found = dig(value, *path)
        return absent if found is None else found

    return cell


def selector(*path: str) -> Cell:
    """A label selector, or plain labels, as text."""

    def cell(value: Object, _: float) -> str:
        found = dig(value, *path)
        if isinstance(found, dict) and "matchLabels" in found:
            found = found["matchLabels"]
        if not isinstance(found, dict) or not found:
            return NONE
        return ",".join(f"{key}={each}" for key, each in sorted(found.items()))

    return cell


def containers(field: str, *path: str) -> Cell:
    """One field of all containers below a path."""
    return lambda value, _: ",".join(
        str(each.get(field, "")) for each in dig(value, *path, "spec", "containers") or ()
    )


def modes(*path: str) -> Cell:
    """Access modes, abbreviated."""
    return lambda value, _: ",".join(_SHORT.get(each, each) for each in dig(value, *path) or ())
