"""The applications of backends that keep none themselves: as a cluster's API server keeps them.

Each change has a version, in the order in which changes are to be seen: whoever has seen one misses
none before it, whichever of several gateways writes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    MetaData,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from spark_platform.kernel.database import open_database, reading, writing
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.kubernetes.errors import AlreadyExists, Expired
from spark_platform.kernel.kubernetes.resources import Object, key_of

__all__ = ["Kept", "Objects"]

_SCHEMA = MetaData()
_WHAT = "sparkapplications.spark.apache.org"

OBJECTS = Table(
    "objects",
    _SCHEMA,
    Column("uid", String(64), primary_key=True),
    Column("cluster", String(63), nullable=False),
    Column("namespace", String(63), nullable=False),
    # null of one that is gone: its name is free
    Column("name", String(253)),
    Column("version", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("job", String(63), nullable=False),
    Column("submitted", Boolean, nullable=False),
    Column("over", Boolean, nullable=False),
    Column("gone_at", Float),
    Column("document", JSON, nullable=False),
    UniqueConstraint("cluster", "namespace", "name", name="objects_named"),
    Index("objects_changed", "cluster", "version"),
    Index("objects_due", "cluster", "over"),
)
VERSIONS = Table(
    "object_versions",
    _SCHEMA,
    Column("cluster", String(63), primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class Kept:
    """An application that is kept.

    Attributes:
        document: all of it.
        job: the name of its job.
        version: of its last change.
        created: of its first.
        submitted: the backend has had its job.
        gone: it is not there any more; this is how it was last.
    """

    document: Object
    job: str
    version: int
    created: int
    submitted: bool
    gone: bool

    @property
    def deleting(self) -> bool:
        """Whether its deletion was asked for."""
        return "deletionTimestamp" in self.document["metadata"]


class Objects:
    """The applications of one cluster, in a database that several gateways may share.

    Args:
        url: SQLAlchemy's.
        cluster: its name.

    Raises:
        InvalidInput: the URL is none.
        Missing: it cannot be opened.
    """

    def __init__(self, url: str, cluster: str) -> None:
        self._engine: Engine = open_database(url, _SCHEMA)
        self._cluster = cluster
        with contextlib.suppress(IntegrityError), writing(self._engine) as connection:
            connection.execute(insert(VERSIONS).values(cluster=cluster, last=1, forgotten=0))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def add(self, document: Object, job: str) -> Kept:
        """Keep an application that has a uid.

        Raises:
            AlreadyExists: there is one of its name.
        """
        namespace, name = key_of(document)
        row = {"uid": document["metadata"]["uid"], "cluster": self._cluster, "namespace": namespace,
               "name": name, "job": job, "submitted": False, "over": False,
               "document": document}  # fmt: skip
        try:
            with writing(self._engine) as connection:
                version = self._next(connection)
                connection.execute(insert(OBJECTS).values(**row, version=version, created=version))
        except IntegrityError as error:
            raise AlreadyExists(f'{_WHAT} "{name}" already exists') from error
        return Kept(_of_version(document, version), job, version, version, False, False)

    def find(self, namespace: str, name: str) -> Kept:
        """The application of a name.

        Raises:
            NotFound: there is none.
        """
        wanted = self._all().where(OBJECTS.c.namespace == namespace, OBJECTS.c.name == name)
        with reading(self._engine) as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f'{_WHAT} "{name}" not found')
        return _kept(row)

    def by_uid(self, uid: str) -> Kept | None:
        """An application, also one that is gone; None of one that is forgotten."""
        with reading(self._engine) as connection:
            row = connection.execute(self._all().where(OBJECTS.c.uid == uid)).one_or_none()
        return None if row is None else _kept(row)

    def list(self, namespace: str = "") -> tuple[Sequence[Kept], int]:
        """Those that are there, and the version as of which."""
        wanted = self._all().where(OBJECTS.c.gone_at.is_(None)).order_by(OBJECTS.c.name)
        if namespace:
            wanted = wanted.where(OBJECTS.c.namespace == namespace)
        with reading(self._engine) as connection:
            # first: what comes in between is seen twice rather than never
            last, _ = self._versions(connection)
            return [_kept(row) for row in connection.execute(wanted)], last

    def since(self, version: int, namespace: str = "") -> tuple[Sequence[Kept], int]:
        """What has changed after a version, in order, and the version that is seen then.

        Raises:
            Expired: what went after that version is forgotten.
        """
        wanted = self._all().where(OBJECTS.c.version > version).order_by(OBJECTS.c.version)
        if namespace:
            wanted = wanted.where(OBJECTS.c.namespace == namespace)
        with reading(self._engine) as connection:
            last, forgotten = self._versions(connection)
            found = [_kept(row) for row in connection.execute(wanted)]
        if version < forgotten:
            raise Expired("the resource version is too old", hint="list anew")
        return found, max(last, *(each.version for each in found)) if found else last

    def due(self) -> Sequence[Kept]:
        """Those whose job is not over, or which are to be deleted."""
        wanted = self._all().where(~OBJECTS.c.over).order_by(OBJECTS.c.created)
        with reading(self._engine) as connection:
            return [_kept(row) for row in connection.execute(wanted)]

    def change(self, before: Kept, document: Object, *, over: bool = False) -> bool:
        """Write a change of an application down that was submitted, or is to be deleted.

        Args:
            before: what is changed; not what somebody else has changed since.
            document: as it is now.
            over: nothing more is to be done about it.

        Returns:
            Whether it was written.
        """
        return self._write(before, {"document": document, "submitted": True, "over": over})

    def delete(self, before: Kept, document: Object) -> bool:
        """Have the deletion of an application be due; see ``change``."""
        return self._write(before, {"document": document, "over": False})

    def gone(self, before: Kept, document: Object, now: datetime) -> bool:
        """An application is not there any more; see ``change``."""
        last: dict[str, Any] = {"name": None, "gone_at": now.timestamp(), "over": True}
        return self._write(before, {"document": document, **last})

    def forget(self, before: datetime) -> None:
        """Drop what has been gone since before a time."""
        old = (OBJECTS.c.cluster == self._cluster) & (OBJECTS.c.gone_at < before.timestamp())
        with writing(self._engine) as connection:
            newest = connection.execute(select(func.max(OBJECTS.c.version)).where(old)).scalar()
            if newest is None:
                return
            connection.execute(
                update(VERSIONS)
                .where(VERSIONS.c.cluster == self._cluster, VERSIONS.c.forgotten < newest)
                .values(forgotten=newest)
            )
            connection.execute(delete(OBJECTS).where(old))

    def _write(self, before: Kept, values: dict[str, Any]) -> bool:
        same = (OBJECTS.c.uid == before.document["metadata"]["uid"]) & (
            OBJECTS.c.version == before.version
        )
        with writing(self._engine) as connection:
            values["version"] = self._next(connection)
            changed = connection.execute(update(OBJECTS).where(same).values(values))
            return bool(changed.rowcount)

    def _next(self, connection: Connection) -> int:
        """The next version, which nobody has until this transaction has ended."""
        mine = VERSIONS.c.cluster == self._cluster
        connection.execute(update(VERSIONS).where(mine).values(last=VERSIONS.c.last + 1))
        return int(connection.execute(select(VERSIONS.c.last).where(mine)).scalar_one())

    def _versions(self, connection: Connection) -> tuple[int, int]:
        wanted = select(VERSIONS.c.last, VERSIONS.c.forgotten)
        row = connection.execute(wanted.where(VERSIONS.c.cluster == self._cluster)).one()
        return row.last, row.forgotten

    def _all(self) -> Select[Any]:
        return select(OBJECTS).where(OBJECTS.c.cluster == self._cluster)


def _of_version(document: Object, version: int) -> Object:
    return {**document, "metadata": {**document["metadata"], "resourceVersion": str(version)}}


def _kept(row: Row[Any]) -> Kept:
    document = _of_version(row.document, row.version)
    gone = row.gone_at is not None
    return Kept(document, row.job, row.version, row.created, row.submitted, gone)
