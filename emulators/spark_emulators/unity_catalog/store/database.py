"""The tables of the catalog's database."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Engine,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    select,
)
from sqlalchemy.exc import ProgrammingError

from spark_platform.kernel import database
from spark_platform.kernel.errors import Transient

__all__ = [
    "DELTA_LOGS",
    "GRANTS",
    "KEYS",
    "MEMBERS",
    "PRINCIPALS",
    "SCHEMA",
    "SECURABLES",
    "STAGED_TABLES",
    "open_database",
    "ping",
]

SCHEMA = MetaData()

# in order of code points, in every database: pages go by it, and prefixes of paths
_TEXT = String().with_variant(String(collation="C"), "postgresql")

SECURABLES = Table(
    "uc_securables",
    SCHEMA,
    Column("id", String(36), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("parent_id", String(36), ForeignKey("uc_securables.id", name="uc_in_parent")),
    Column("name", _TEXT, nullable=False),
    Column("type", String(32), nullable=False),
    Column("owner", String, nullable=False),
    Column("comment", String),
    Column("properties", JSON, nullable=False),
    Column("details", JSON, nullable=False),
    Column("storage_location", _TEXT),
    Column("metadata_location", String),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", String, nullable=False),
    UniqueConstraint("parent_id", "kind", "name", name="uc_one_of_a_name"),
    Index("uc_by_location", "storage_location"),
)

DELTA_LOGS = Table(
    "uc_delta_logs",
    SCHEMA,
    Column(
        "table_id",
        String(36),
        ForeignKey("uc_securables.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("latest", JSON, nullable=False),
    Column("waiting", JSON, nullable=False),
)

STAGED_TABLES = Table(
    "uc_staged_tables",
    SCHEMA,
    Column("id", String(36), primary_key=True),
    Column("names", JSON, nullable=False),
    Column("location", _TEXT, nullable=False, unique=True),
    Column("created_by", String, nullable=False),
    Column("finished", Boolean, nullable=False),
)

PRINCIPALS = Table(
    "uc_principals",
    SCHEMA,
    Column("id", String(36), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("name", _TEXT, nullable=False, unique=True),
    Column("display_name", String, nullable=False),
    Column("external_id", String),
    Column("active", Boolean, nullable=False),
    Column("secret_hash", String(64)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)


def _gone_with(column: str) -> ForeignKey:
    return ForeignKey(column, ondelete="CASCADE")


MEMBERS = Table(
    "uc_members",
    SCHEMA,
    Column("group_id", String(36), _gone_with("uc_principals.id"), primary_key=True),
    Column("member_id", String(36), _gone_with("uc_principals.id"), primary_key=True),
    Index("uc_by_member", "member_id"),
)

GRANTS = Table(
    "uc_grants",
    SCHEMA,
    Column("securable_id", String(36), _gone_with("uc_securables.id"), primary_key=True),
    Column("principal_id", String(36), _gone_with("uc_principals.id"), primary_key=True),
    Column("privilege", String(32), primary_key=True),
    Index("uc_by_grantee", "principal_id"),
)

KEYS = Table(
    "uc_keys",
    SCHEMA,
    Column("name", String(32), primary_key=True),
    Column("pem", String, nullable=False),
)
"""Secrets: what signs tokens. Whoever can read the database can be anybody."""


def open_database(url: str) -> Engine:
    """Open a database, making it (of SQLite) and its tables where they are missing.

    Args:
        url: SQLAlchemy's, of SQLite or PostgreSQL.

    Raises:
        InvalidInput: neither of these products.
        Missing: there can be no such file, or it is no database.
    """
    return database.open_database(url, SCHEMA)


def ping(engine: Engine) -> None:
    """Raise Transient unless the database answers a query on the catalog's own tables."""
    try:
        with database.reading(engine) as connection:
            connection.execute(select(SECURABLES.c.id).limit(1)).all()
    except ProgrammingError as error:
        raise Transient(f"the database has not what it had: {error.orig}") from error
