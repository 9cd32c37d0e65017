"""Securables in the database: found by name, listed by page, made, changed, moved, dropped.

Every change is one transaction. Nothing is cached, so several servers can share one database. A
parent cannot go while it has children: the database itself says so.
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement

from spark_emulators.unity_catalog.acting import ADMIN, who
from spark_emulators.unity_catalog.errors import AlreadyExists, NoSuch, NotEmpty
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.securables import LEVELS, Kind, Place, Securable
from spark_emulators.unity_catalog.store.database import SECURABLES
from spark_emulators.unity_catalog.system import check_writable
from spark_platform.kernel.database import alone, reading, writing

__all__ = ["Check", "Securables", "at", "below", "find", "insert_new", "touch"]

Check = Callable[[Connection], None]
"""Looks at what there is, in the transaction that is about to write."""

_COLUMNS = tuple(field.name for field in dataclasses.fields(Securable))
_METASTORE = "metastore"
_SOME = 10


def _anything(_connection: Connection) -> None:
    return


class Securables:
    """All that has a name.

    Args:
        engine: the catalog's database, which this makes the one metastore of, where it has none.
        storage_root: the metastore's.
    """

    def __init__(self, engine: Engine, storage_root: str | None = None) -> None:
        self._engine = engine
        self.metastore = self._made_metastore(storage_root)

    # Reading

    def find(self, kind: Kind, names: Sequence[str]) -> Place:
        """Raises NoSuch where it, or what it is in, is missing."""
        with reading(self._engine) as connection:
            return find(connection, self.metastore, kind, names)

    def places(self, found: Sequence[Securable]) -> list[Place]:
        """Where each of them is, one query a level; those that go meanwhile are left out."""
        known = {one.id: one for one in found}
        with reading(self._engine) as connection:
            wanted = {one.parent_id for one in found if one.parent_id}
            while wanted:
                above = _by_ids(connection, wanted)
                known |= {one.id: one for one in above}
                wanted = {one.parent_id for one in above if one.parent_id} - known.keys()
        paths = (_path(one, known) for one in found)
        return [Place(path) for path in paths if path[0].kind is Kind.METASTORE]

    def by_ids(self, ids: Collection[str]) -> list[Securable]:
        """What has one of these ids, in no order: of a page's worth."""
        with reading(self._engine) as connection:
            return _by_ids(connection, ids)

    def by_id(self, kind: Kind, id: str) -> Place:
        """Raises NoSuch where there is none of that kind and id."""
        path: list[Securable] = []
        with reading(self._engine) as connection:
            wanted: str | None = id
            while wanted is not None:
                row = connection.execute(_rows().where(SECURABLES.c.id == wanted)).one_or_none()
                if row is None:
                    break
                path.insert(0, _securable(row))
                wanted = path[0].parent_id
        if not path or path[-1].kind is not kind:
            raise NoSuch(kind, id)
        return Place(tuple(path))

    def has(self, id: str) -> bool:
        """Whether anything has this id."""
        with reading(self._engine) as connection:
            query = select(SECURABLES.c.id).where(SECURABLES.c.id == id)
            return connection.scalar(query) is not None

    def children(
        self, parent: Place, kind: Kind, page: PageRequest, *only: ColumnElement[bool]
    ) -> Page[Securable]:
        """One page of what ``parent`` holds, by name.

        Args:
            only: more that must be true of their rows.
        """
        name = SECURABLES.c.name
        query = _rows().where(
            SECURABLES.c.parent_id == parent.securable.id,
            SECURABLES.c.kind == kind.value,
            name > page.after,
            *only,
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(name).limit(page.limit))
            return page.cut([_securable(row) for row in rows], lambda one: one.name)

    def everywhere(self, kind: Kind, page: PageRequest) -> Page[Securable]:
        """One page of all of a kind, by id."""
        query = _rows().where(SECURABLES.c.kind == kind.value, SECURABLES.c.id > page.after)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(SECURABLES.c.id).limit(page.limit))
            return page.cut([_securable(row) for row in rows], lambda one: one.id)

    def at(self, kinds: Collection[Kind], locations: Sequence[str]) -> list[Securable]:
        """What has one of ``locations`` as its own."""
        with reading(self._engine) as connection:
            return at(connection, kinds, locations)

    def below(self, kinds: Collection[Kind], location: str) -> list[Securable]:
        """What is at ``location`` or has a place in it: of many, some."""
        with reading(self._engine) as connection:
            return below(connection, kinds, location)

    # Changing

    def create(
        self, kind: Kind, names: Sequence[str], check: Check = _anything, **fields: Any
    ) -> Place:
        """Make a securable in the name of who acts.

        Args:
            check: raises where it may not be made, by what is there when it is.
            fields: of ``Securable``, as far as they are not the defaults.

        Raises:
            NoSuch: what it is to be in is missing.
            AlreadyExists: the name is taken.
        """
        _check_writable(kind, names)
        try:
            with writing(self._engine) as connection:
                check(connection)
                parent = _parent(connection, self.metastore, kind, names)
                return parent.child(insert_new(connection, parent, kind, names[-1], **fields))
        except IntegrityError as error:
            raise AlreadyExists(kind, ".".join(names)) from error

    def change(
        self,
        kind: Kind,
        names: Sequence[str],
        change: Callable[[Securable], Securable],
        check: Check = _anything,
    ) -> tuple[Securable, Place]:
        """Replace a securable by what ``change`` makes of it.

        Args:
            check: raises where it may not be changed, by what is there when it is.

        Returns:
            It before, and where it is now: its name may have changed.

        Raises:
            NoSuch: it is missing.
            AlreadyExists: its new name is taken.
        """
        _check_writable(kind, names)
        try:
            with writing(self._engine) as connection:
                check(connection)
                place = find(connection, self.metastore, kind, names, lock=True)
                before = place.securable
                after = _touched(change(before))
                _update(connection, after)
        except IntegrityError as error:
            raise AlreadyExists(kind, ".".join([*names[:-1], after.name])) from error
        return before, place.parent.child(after)

    def move(self, kind: Kind, names: Sequence[str], to: Sequence[str]) -> None:
        """Give a securable another parent or name, or both.

        Raises:
            NoSuch: it, or its new parent, is missing.
            AlreadyExists: the name is taken, be it by itself.
        """
        _check_writable(kind, names)
        _check_writable(kind, to)
        try:
            with writing(self._engine) as connection:
                parent = _parent(connection, self.metastore, kind, to)
                moving = find(connection, self.metastore, kind, names, lock=True).securable
                if list(names) == list(to):
                    raise AlreadyExists(kind, ".".join(to))
                moved = dataclasses.replace(moving, parent_id=parent.securable.id, name=to[-1])
                _update(connection, _touched(moved))
        except IntegrityError as error:
            raise AlreadyExists(kind, ".".join(to)) from error

    def drop(self, kind: Kind, names: Sequence[str], *, force: bool = False) -> None:
        """Forget a securable.

        Args:
            force: with all that is in it.

        Raises:
            NoSuch: it is missing.
            NotEmpty: it holds others.
        """
        _check_writable(kind, names)
        try:
            with writing(self._engine) as connection:
                place = find(connection, self.metastore, kind, names, lock=True)
                gone = SECURABLES.c.id == place.securable.id
                if force:
                    gone = SECURABLES.c.id.in_(_with_all_below(place.securable.id))
                connection.execute(delete(SECURABLES).where(gone))
        except IntegrityError as error:
            raise NotEmpty(kind, ".".join(names)) from error

    def _made_metastore(self, storage_root: str | None) -> Securable:
        query = _rows().where(SECURABLES.c.kind == Kind.METASTORE.value)
        with writing(self._engine) as connection:
            alone(connection, "uc_metastore")
            row = connection.execute(query).one_or_none()
            if row is None:
                made = _new(
                    Kind.METASTORE, None, _METASTORE, owner=ADMIN, storage_location=storage_root
                )
                connection.execute(insert(SECURABLES).values(_values(made)))
                return made
            there = dataclasses.replace(_securable(row), storage_location=storage_root)
            _update(connection, there)
        return there


def find(
    connection: Connection,
    metastore: Securable,
    kind: Kind,
    names: Sequence[str],
    *,
    lock: bool = False,
) -> Place:
    """Where a securable is, level by level.

    Args:
        lock: whether nobody may change it until the transaction ends.

    Raises:
        NoSuch: it, or what it is in, is missing.
    """
    path = [metastore]
    for depth, (level, name) in enumerate(zip(LEVELS[kind], names, strict=True), start=1):
        query = _rows().where(
            SECURABLES.c.parent_id == path[-1].id,
            SECURABLES.c.kind == level.value,
            SECURABLES.c.name == name,
        )
        last = lock and depth == len(names)
        row = connection.execute(query.with_for_update() if last else query).one_or_none()
        if row is None:
            raise NoSuch(level, ".".join(names[:depth]))
        path.append(_securable(row))
    return Place(tuple(path))


def at(
    connection: Connection, kinds: Collection[Kind], locations: Sequence[str]
) -> list[Securable]:
    """What has one of ``locations`` as its own."""
    query = _rows().where(
        SECURABLES.c.kind.in_([kind.value for kind in kinds]),
        SECURABLES.c.storage_location.in_(locations),
    )
    return [_securable(row) for row in connection.execute(query)]


def below(connection: Connection, kinds: Collection[Kind], location: str) -> list[Securable]:
    """What is at ``location`` or has a place in it: of many, some."""
    # "0" is the character that follows "/"
    place = SECURABLES.c.storage_location
    query = _rows().where(
        SECURABLES.c.kind.in_([kind.value for kind in kinds]),
        (place == location) | ((place > f"{location}/") & (place < f"{location}0")),
    )
    return [_securable(row) for row in connection.execute(query.limit(_SOME))]


def insert_new(
    connection: Connection, parent: Place, kind: Kind, name: str, **fields: Any
) -> Securable:
    """Add a securable, whose parent has been found in the same transaction.

    Raises:
        IntegrityError: the name is taken, or the parent has gone.
    """
    made = _new(kind, parent.securable.id, name, **fields)
    connection.execute(insert(SECURABLES).values(_values(made)))
    return made


def _check_writable(kind: Kind, names: Sequence[str]) -> None:
    if LEVELS[kind][:1] == (Kind.CATALOG,):
        check_writable(names[0])


def touch(connection: Connection, after: Securable) -> Securable:
    """Write a securable as it is to be, in the name of who acts; returns it as it is then."""
    touched = _touched(after)
    _update(connection, touched)
    return touched


def _parent(
    connection: Connection, metastore: Securable, kind: Kind, names: Sequence[str]
) -> Place:
    levels = LEVELS[kind]
    above = levels[-2] if len(levels) > 1 else Kind.METASTORE
    return find(connection, metastore, above, names[:-1])


def _new(kind: Kind, parent_id: str | None, name: str, **fields: Any) -> Securable:
    now = _now_ms()
    given = {"id": str(uuid.uuid4()), "owner": who(), **fields}
    return Securable(
        kind=kind,
        parent_id=parent_id,
        name=name,
        created_at=now,
        created_by=who(),
        updated_at=now,
        updated_by=who(),
        **given,
    )


def _by_ids(connection: Connection, ids: Collection[str]) -> list[Securable]:
    rows = connection.execute(_rows().where(SECURABLES.c.id.in_(ids)))
    return [_securable(row) for row in rows]


def _touched(securable: Securable) -> Securable:
    return dataclasses.replace(securable, updated_at=_now_ms(), updated_by=who())


def _update(connection: Connection, after: Securable) -> None:
    connection.execute(update(SECURABLES).where(SECURABLES.c.id == after.id).values(_values(after)))


def _with_all_below(id: str) -> Select[Any]:
    """The ids of a securable and of all that is in it, at any depth."""
    found = select(SECURABLES.c.id).where(SECURABLES.c.id == id).cte("found", recursive=True)
    inside = select(SECURABLES.c.id).join(found, SECURABLES.c.parent_id == found.c.id)
    return select(found.union_all(inside).c.id)


def _path(securable: Securable, known: Mapping[str, Securable]) -> tuple[Securable, ...]:
    path = [securable]
    while path[0].parent_id in known:
        path.insert(0, known[path[0].parent_id or ""])
    return tuple(path)


def _rows() -> Select[Any]:
    return select(*(SECURABLES.c[name] for name in _COLUMNS))


def _securable(row: Row[Any]) -> Securable:
    fields = dict(row._mapping)
    return Securable(**{**fields, "kind": Kind(fields["kind"])})


def _values(securable: Securable) -> dict[str, Any]:
    values = {name: getattr(securable, name) for name in _COLUMNS}
    return {
        **values,
        "kind": securable.kind.value,
        "properties": dict(securable.properties),
        "details": dict(securable.details),
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
