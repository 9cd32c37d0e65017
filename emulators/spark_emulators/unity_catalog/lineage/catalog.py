"""The catalog as lineage sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Engine, select

from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.store.database import SECURABLES
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.database import reading

__all__ = ["StoredCatalog", "spellings"]

_FILE = re.compile(r"file:/+|/+")
_S3 = re.compile(r"s3[an]?://")


class StoredCatalog:
    """Answers from the catalog's own database."""

    def __init__(self, engine: Engine, securables: Securables) -> None:
        self._engine = engine
        self._securables = securables

    def table_at(self, location: str) -> str | None:
        """The full name of the table whose files are at ``location``."""
        query = select(SECURABLES.c.id).where(
            SECURABLES.c.kind == Kind.TABLE.value,
            SECURABLES.c.storage_location.in_(spellings(location)),
        )
        with reading(self._engine) as connection:
            id = connection.scalar(query.limit(1))
        if id is None:
            return None
        try:
            return self._securables.by_id(Kind.TABLE, id).full_name
        except NoSuch:
            return None

    def serves(self, catalog: str) -> bool:
        return self._there(Kind.CATALOG, [catalog])

    def exists(self, full_name: str) -> bool:
        """Whether there is a table of that name, which must have three parts."""
        return self._there(Kind.TABLE, full_name.split("."))

    def _there(self, kind: Kind, names: Sequence[str]) -> bool:
        try:
            self._securables.find(kind, names)
        except NoSuch:
            return False
        return True


def spellings(location: str) -> list[str]:
    """The ways in which writers spell one location, without a final slash."""
    location = location.rstrip("/")
    if match := _FILE.match(location):
        path = location[match.end() :]
        return [f"file:///{path}", f"file:/{path}", f"/{path}"]
    if match := _S3.match(location):
        path = location[match.end() :]
        return [f"s3://{path}", f"s3a://{path}", f"s3n://{path}"]
    return [location]
