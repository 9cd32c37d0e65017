"""Users, groups and service principals in the database."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from spark_emulators.unity_catalog.access.principals import (
    Principal,
    PrincipalKind,
    check_principal_name,
)
from spark_emulators.unity_catalog.acting import ADMIN
from spark_emulators.unity_catalog.store.database import MEMBERS, PRINCIPALS
from spark_platform.kernel.database import reading, writing
from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound

__all__ = ["Principals"]

_COLUMNS = tuple(field.name for field in dataclasses.fields(Principal))


class Principals:
    """All who can be given rights.

    Args:
        engine: the catalog's database, which is given its first user, ``admin``.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        if self.named(ADMIN) is None:
            try:
                self.create(PrincipalKind.USER, ADMIN, display_name="Admin")
            except Conflict:
                # another server on the same database was faster
                return

    # Reading

    def named(self, name: str) -> Principal | None:
        """The principal of that name; None where there is none."""
        with reading(self._engine) as connection:
            row = connection.execute(_rows().where(PRINCIPALS.c.name == name)).one_or_none()
        return _principal(row) if row else None

    def by_id(self, kind: PrincipalKind, id: str) -> Principal:
        """Raises NotFound where there is none of that kind and id."""
        with reading(self._engine) as connection:
            return _find(connection, kind, id)

    def page(
        self, kind: PrincipalKind, equal: Mapping[str, Any], *, start: int = 0, count: int = 50
    ) -> tuple[Sequence[Principal], int]:
        """Principals of a kind by name, and how many there are without the page's limits.

        Args:
            equal: what fields of theirs must be.
            start: how many to leave out.
            count: how many to return at most.
        """
        wanted = [PRINCIPALS.c.kind == kind.value]
        wanted += (PRINCIPALS.c[field] == value for field, value in equal.items())
        page = _rows().where(*wanted).order_by(PRINCIPALS.c.name).offset(start).limit(count)
        with reading(self._engine) as connection:
            total = connection.scalar(select(func.count()).select_from(PRINCIPALS).where(*wanted))
            return [_principal(row) for row in connection.execute(page)], int(total or 0)

    def members(self, group: Principal) -> Sequence[Principal]:
        """Who is in a group, by name."""
        query = (
            _rows()
            .join(MEMBERS, MEMBERS.c.member_id == PRINCIPALS.c.id)
            .where(MEMBERS.c.group_id == group.id)
            .order_by(PRINCIPALS.c.name)
        )
        with reading(self._engine) as connection:
            return [_principal(row) for row in connection.execute(query)]

    # Changing

    def create(
        self,
        kind: PrincipalKind,
        name: str,
        *,
        display_name: str = "",
        external_id: str | None = None,
        active: bool = True,
        members: frozenset[str] = frozenset(),
    ) -> Principal:
        """Add somebody.

        Args:
            members: ids of who is in it, if it is a group.

        Raises:
            InvalidInput: nobody may have that name.
            Conflict: somebody has it.
            NotFound: a member does not exist.
        """
        now = time.time_ns() // 1_000_000
        made = Principal(
            str(uuid.uuid4()),
            kind,
            check_principal_name(name),
            display_name or name,
            external_id,
            active,
            created_at=now,
            updated_at=now,
        )
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(PRINCIPALS).values(_values(made)))
                _set_members(connection, made.id, frozenset(), members)
        except IntegrityError as error:
            raise Conflict(f"principal {name} already exists") from error
        return made

    def change(
        self,
        kind: PrincipalKind,
        id: str,
        change: Callable[[Principal], Principal],
        members: Callable[[frozenset[str]], frozenset[str]] | None = None,
    ) -> Principal:
        """Replace somebody by what ``change`` makes of them; name and id stay.

        Args:
            members: the ids of who is in the group, from those who are; None changes none.

        Raises:
            NotFound: there is no such principal, or member.
            InvalidInput: the name would change, which owners and tokens say; or nobody would be
                admin.
        """
        with writing(self._engine) as connection:
            before = _find(connection, kind, id, lock=True)
            now = time.time_ns() // 1_000_000
            after = dataclasses.replace(change(before), id=before.id, updated_at=now)
            if after.name != before.name:
                raise InvalidInput(f"the name of {kind.value} {before.name} cannot be changed")
            if before.name == ADMIN and not after.active:
                raise _needs_admin()
            connection.execute(
                update(PRINCIPALS).where(PRINCIPALS.c.id == id).values(_values(after))
            )
            if members is not None:
                ids = frozenset(
                    connection.scalars(select(MEMBERS.c.member_id).where(MEMBERS.c.group_id == id))
                )
                _set_members(connection, id, ids, members(ids))
        return after

    def delete(self, kind: PrincipalKind, id: str) -> None:
        """Forget somebody, with all that was granted to them.

        Raises:
            NotFound: there is no such principal.
            InvalidInput: it is the admin.
        """
        with writing(self._engine) as connection:
            if _find(connection, kind, id).name == ADMIN:
                raise _needs_admin()
            connection.execute(delete(PRINCIPALS).where(PRINCIPALS.c.id == id))

    # Secrets

    def set_secret_hash(self, id: str, secret_hash: str) -> None:
        """Remember what a service principal's secret hashes to; raises NotFound."""
        with writing(self._engine) as connection:
            _find(connection, PrincipalKind.SERVICE_PRINCIPAL, id)
            connection.execute(
                update(PRINCIPALS).where(PRINCIPALS.c.id == id).values(secret_hash=secret_hash)
            )

    def secret_hash(self, name: str) -> str | None:
        """What the secret of an active service principal hashes to; None where it has none."""
        query = select(PRINCIPALS.c.secret_hash).where(
            PRINCIPALS.c.name == name,
            PRINCIPALS.c.kind == PrincipalKind.SERVICE_PRINCIPAL.value,
            PRINCIPALS.c.active,
        )
        with reading(self._engine) as connection:
            return connection.scalar(query)


def _find(connection: Connection, kind: PrincipalKind, id: str, *, lock: bool = False) -> Principal:
    query = _rows().where(PRINCIPALS.c.id == id, PRINCIPALS.c.kind == kind.value)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"there is no {kind.value} with id {id[:80]!r}")
    return _principal(row)


def _set_members(
    connection: Connection, group_id: str, before: frozenset[str], after: frozenset[str]
) -> None:
    new, gone = after - before, before - after
    known = set(connection.scalars(select(PRINCIPALS.c.id).where(PRINCIPALS.c.id.in_(new))))
    if strange := sorted(new - known):
        raise NotFound(f"there is no principal with id {strange[0][:80]!r}")
    if gone:
        mine = (MEMBERS.c.group_id == group_id, MEMBERS.c.member_id.in_(gone))
        connection.execute(delete(MEMBERS).where(*mine))
    if new:
        rows = [{"group_id": group_id, "member_id": member} for member in sorted(new)]
        connection.execute(insert(MEMBERS), rows)


def _rows() -> Select[Any]:
    return select(*(PRINCIPALS.c[name] for name in _COLUMNS))


def _principal(row: Row[Any]) -> Principal:
    fields = dict(row._mapping)
    return Principal(**{**fields, "kind": PrincipalKind(fields["kind"])})


def _values(principal: Principal) -> dict[str, Any]:
    return {**dataclasses.asdict(principal), "kind": principal.kind.value}


def _needs_admin() -> InvalidInput:
    return InvalidInput(f"user {ADMIN} owns the metastore: it can be neither disabled nor removed")
