"""The tables of the catalog's database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import JSON, Column, Engine, ForeignKeyConstraint, MetaData, String, Table

from spark_platform.kernel import database

__all__ = ["NAMESPACES", "TABLES", "open_database"]

_SCHEMA = MetaData()

NAMESPACES = Table(
    "uc_namespaces",
    _SCHEMA,
    Column("catalog", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("properties", JSON, nullable=False),
)

TABLES = Table(
    "uc_tables",
    _SCHEMA,
    Column("catalog", String(255), primary_key=True),
    Column("namespace", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("metadata_location", String, nullable=False),
    ForeignKeyConstraint(
        ["catalog", "namespace"],
        [NAMESPACES.c.catalog, NAMESPACES.c.name],
        name="uc_table_in_namespace",
    ),
)


def open_database(path: Path) -> Engine:
    """Open the SQLite file at ``path``, making it and its tables where they are missing.

    Raises:
        Missing: there can be no such file, or it is no database.
    """
    return database.open_database(database.sqlite_url(path), _SCHEMA)
