"""Columns of the built-in kinds."""

from __future__ import annotations

from spark_emulators.kubernetes.api.tables.table import AGE, NAME, Column

COLUMNS: dict[str, tuple[Column, ...]] = {
    "configmaps": (
        NAME,
        Column(
            "Data",
            lambda value, _: len(value.get("data") or {}) + len(value.get("binaryData") or {}),
            type="string",
        ),
        AGE,
    ),
}
