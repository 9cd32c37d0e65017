"""The signing key, which all servers on one database share: each knows the others' tokens."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from spark_emulators.unity_catalog.store.database import KEYS
from spark_platform.kernel.database import reading, writing

__all__ = ["Keys"]


class Keys:
    """Private keys, by name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str, make: Callable[[], str]) -> str:
        """The key of that name, PEM.

        Args:
            make: makes it where the database has none.
        """
        with reading(self._engine) as connection:
            there = _read(connection, name)
        if there is not None:
            return there
        made = make()
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(KEYS).values(name=name, pem=made))
            return made
        except IntegrityError:
            # another server was faster
            with reading(self._engine) as connection:
                there = _read(connection, name)
            assert there is not None
            return there


def _read(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(KEYS.c.pem).where(KEYS.c.name == name))
