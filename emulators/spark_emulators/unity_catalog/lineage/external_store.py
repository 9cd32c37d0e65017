"""External metadata and relationships in the catalog's database: documents, found by keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from spark_emulators.unity_catalog.lineage.database import EXTERNAL_LINEAGE, EXTERNAL_METADATA
from spark_platform.kernel.database import reading, writing
from spark_platform.kernel.errors import Conflict

__all__ = ["ExternalStore", "Relationship"]

Document = dict[str, Any]


@dataclass(frozen=True)
class Relationship:
    """What flows from one thing to another."""

    id: str
    source_key: str
    target_key: str
    document: Document


class ExternalStore:
    """Reads and writes what is declared."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Metadata

    def create_metadata(self, name: str, document: Document) -> None:
        """Raises Conflict where the name is taken."""
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(EXTERNAL_METADATA).values(name=name, document=document))
        except IntegrityError as error:
            raise Conflict(f"external metadata {name!r} already exists") from error

    def metadata(self, name: str) -> Document | None:
        query = select(EXTERNAL_METADATA.c.document).where(EXTERNAL_METADATA.c.name == name)
        with reading(self._engine) as connection:
            found: Document | None = connection.scalar(query)
        return found

    def list_metadata(self, after: str, limit: int) -> list[Document]:
        query = (
            select(EXTERNAL_METADATA.c.document)
            .where(EXTERNAL_METADATA.c.name > after)
            .order_by(EXTERNAL_METADATA.c.name)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return list(connection.scalars(query))

    def replace_metadata(self, name: str, document: Document) -> bool:
        """Whether it was there."""
        change = update(EXTERNAL_METADATA).where(EXTERNAL_METADATA.c.name == name)
        with writing(self._engine) as connection:
            return connection.execute(change.values(document=document)).rowcount == 1

    def delete_metadata(self, name: str, key: str) -> bool:
        """Forget metadata with all relationships of ``key``; whether it was there."""
        ends = or_(EXTERNAL_LINEAGE.c.source_key == key, EXTERNAL_LINEAGE.c.target_key == key)
        with writing(self._engine) as connection:
            connection.execute(delete(EXTERNAL_LINEAGE).where(ends))
            gone = connection.execute(
                delete(EXTERNAL_METADATA).where(EXTERNAL_METADATA.c.name == name)
            )
            return gone.rowcount == 1

    # Relationships

    def create(self, new: Relationship) -> None:
        """Raises Conflict where there is one between the same two things."""
        row = {
            "id": new.id,
            "source_key": new.source_key,
            "target_key": new.target_key,
            "document": new.document,
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(EXTERNAL_LINEAGE).values(row))
        except IntegrityError as error:
            raise Conflict("this external lineage relationship already exists") from error

    def find(self, id: str | None, source_key: str, target_key: str) -> Relationship | None:
        """By id, or else by both ends."""
        table = EXTERNAL_LINEAGE.c
        query = select(table.id, table.source_key, table.target_key, table.document)
        if id is not None:
            query = query.where(table.id == id)
        else:
            query = query.where(table.source_key == source_key, table.target_key == target_key)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return Relationship(*row) if row else None

    def replace(self, id: str, document: Document) -> None:
        change = update(EXTERNAL_LINEAGE).where(EXTERNAL_LINEAGE.c.id == id)
        with writing(self._engine) as connection:
            connection.execute(change.values(document=document))

    def delete(self, id: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(EXTERNAL_LINEAGE).where(EXTERNAL_LINEAGE.c.id == id))

    def of(self, key: str, after: int, limit: int, *, upstream: bool) -> list[tuple[int, Document]]:
        """Relationships that lead to a thing, or from it, with the numbers that order them."""
        table = EXTERNAL_LINEAGE.c
        side = table.target_key if upstream else table.source_key
        query = (
            select(table.number, table.document)
            .where(side == key, table.number > after)
            .order_by(table.number)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(row.number, row.document) for row in connection.execute(query)]
