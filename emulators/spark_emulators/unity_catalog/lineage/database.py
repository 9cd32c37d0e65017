"""The tables of lineage, in the catalog's database.

An end of an edge is found by a key of fixed length, whatever the length of its name.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, UniqueConstraint

from spark_emulators.unity_catalog.store.database import SCHEMA

__all__ = [
    "EDGES",
    "EXTERNAL_LINEAGE",
    "EXTERNAL_METADATA",
    "PENDING",
    "RECORDS",
    "key_of",
]

_KEY = String(64)

PENDING = Table(
    "uc_lineage_pending",
    SCHEMA,
    Column("run_id", String(36), primary_key=True),
    Column("digest", _KEY, primary_key=True),
    Column("received_at", BigInteger, nullable=False, index=True),
    Column("observation", JSON, nullable=False),
)
"""What runs that have not ended have seen; the same thing once."""


def _ends() -> list[Column[str]]:
    return [
        Column("source_type", String(8)),
        Column("source_name", String),
        Column("source_column", String),
        Column("target_type", String(8)),
        Column("target_name", String),
        Column("target_column", String),
    ]


RECORDS = Table(
    "uc_lineage_records",
    SCHEMA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("record_id", String(36), nullable=False, unique=True),
    Column("event_id", String(36), nullable=False),
    Column("event_time", BigInteger, nullable=False),
    *_ends(),
    Column("entity_id", String),
    Column("entity_run_id", String(36)),
    Column("created_by", String),
)
"""The history: one row per run and edge. Columns are null where an edge is between tables."""

EDGES = Table(
    "uc_lineage_edges",
    SCHEMA,
    Column("id", String(36), primary_key=True),
    Column("source_key", _KEY, nullable=False, index=True),
    Column("target_key", _KEY, nullable=False, index=True),
    *_ends(),
    Column("entity_id", String),
    Column("event_time", BigInteger, nullable=False),
)
"""The graph: one row per edge and job, however often it ran."""

EXTERNAL_METADATA = Table(
    "uc_external_metadata",
    SCHEMA,
    Column("name", String(255), primary_key=True),
    Column("document", JSON, nullable=False),
)

EXTERNAL_LINEAGE = Table(
    "uc_external_lineage",
    SCHEMA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("source_key", _KEY, nullable=False),
    Column("target_key", _KEY, nullable=False),
    Column("document", JSON, nullable=False),
    UniqueConstraint("source_key", "target_key", name="uc_one_external_lineage"),
    Index("uc_external_lineage_by_target", "target_key"),
)


def key_of(*parts: str) -> str:
    """What stands for ``parts`` in an index."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
