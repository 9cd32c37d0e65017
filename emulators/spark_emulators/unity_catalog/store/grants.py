"""Who was granted what, on what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Engine,
    bindparam,
    delete,
    insert,
    literal,
    select,
    union_all,
)

from spark_emulators.unity_catalog.access.privileges import Privilege
from spark_emulators.unity_catalog.access.rules import Rights
from spark_emulators.unity_catalog.store.database import (
    GRANTS,
    MEMBERS,
    PRINCIPALS,
    SECURABLES,
)
from spark_platform.kernel.database import reading, writing
from spark_platform.kernel.errors import NotFound

__all__ = ["GrantChange", "Grants"]

_NO_SECURABLE = ""
# databases limit how many values a statement may have
_MOST = 10_000


def _rights() -> CompoundSelect[Any]:
    """The principal, all groups it is in, also by way of others, and what they were granted."""
    rows = select(PRINCIPALS.c.id, PRINCIPALS.c.name)
    circle = rows.where(PRINCIPALS.c.name == bindparam("principal")).cte("circle", recursive=True)
    circle = circle.union(
        rows.join(MEMBERS, MEMBERS.c.group_id == PRINCIPALS.c.id).join(
            circle, circle.c.id == MEMBERS.c.member_id
        )
    )
    return union_all(
        select(literal(_NO_SECURABLE).label("securable_id"), circle.c.name.label("what")),
        select(GRANTS.c.securable_id, GRANTS.c.privilege)
        .join(circle, circle.c.id == GRANTS.c.principal_id)
        .where(GRANTS.c.securable_id.in_(bindparam("securables", expanding=True))),
    )


# put together once: that takes longer than to run it
_RIGHTS = _rights()


@dataclass(frozen=True)
class GrantChange:
    """What one principal is to be given, and what taken, in this order."""

    principal: str
    add: frozenset[Privilege] = frozenset()
    remove: frozenset[Privilege] = frozenset()


class Grants:
    """All grants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rights(self, principal: str, securables: Collection[str]) -> Rights:
        """What a principal, with the groups it is in, has on securables, in one query.

        Args:
            securables: their ids: of all of a place, or of a whole page of places. Of more than
                ten thousand it takes one query for each ten thousand.
        """
        names, grants = {principal}, defaultdict[str, set[Privilege]](set)
        ids = list(securables)
        with reading(self._engine) as connection:
            for start in range(0, max(len(ids), 1), _MOST):
                asked = {"principal": principal, "securables": ids[start : start + _MOST]}
                for securable_id, what in connection.execute(_RIGHTS, asked):
                    if securable_id == _NO_SECURABLE:
                        names.add(what)
                    else:
                        grants[securable_id].add(Privilege(what))
        return Rights(frozenset(names), {id: frozenset(held) for id, held in grants.items()})

    def on(self, securables: Collection[str]) -> Mapping[str, Mapping[str, frozenset[Privilege]]]:
        """All grants on securables: by the securable's id, then by the principal's name."""
        query = (
            select(GRANTS.c.securable_id, PRINCIPALS.c.name, GRANTS.c.privilege)
            .join(PRINCIPALS, PRINCIPALS.c.id == GRANTS.c.principal_id)
            .where(GRANTS.c.securable_id.in_(securables))
        )
        found: dict[str, dict[str, frozenset[Privilege]]] = {id: {} for id in securables}
        with reading(self._engine) as connection:
            for id, name, privilege in connection.execute(query):
                held = found[id].get(name, frozenset())
                found[id][name] = held | {Privilege(privilege)}
        return found

    def change(self, securable_id: str, changes: Sequence[GrantChange]) -> None:
        """Grant and revoke on one securable, all or nothing.

        Raises:
            NotFound: a principal does not exist, or the securable no longer does.
        """
        with writing(self._engine) as connection:
            # one at a time: two who grant the same must not meet
            there = select(SECURABLES.c.id).where(SECURABLES.c.id == securable_id)
            if connection.scalar(there.with_for_update()) is None:
                raise NotFound("the securable was dropped meanwhile")
            ids = _ids(connection, {change.principal for change in changes})
            for change in changes:
                _apply(connection, securable_id, ids[change.principal], change)


def _ids(connection: Connection, names: set[str]) -> Mapping[str, str]:
    query = select(PRINCIPALS.c.name, PRINCIPALS.c.id).where(PRINCIPALS.c.name.in_(names))
    ids = {row.name: row.id for row in connection.execute(query)}
    if strange := sorted(names - set(ids)):
        raise NotFound(
            f"principal {strange[0][:80]!r} does not exist",
            hint="a user is named by e-mail address, a group by display name, "
            "a service principal by application id",
        )
    return ids


def _apply(
    connection: Connection, securable_id: str, principal_id: str, change: GrantChange
) -> None:
    mine = (GRANTS.c.securable_id == securable_id, GRANTS.c.principal_id == principal_id)
    held = set(connection.scalars(select(GRANTS.c.privilege).where(*mine)))
    new = {privilege.value for privilege in change.add} - held
    gone = [privilege.value for privilege in change.remove]
    if new:
        fixed = {"securable_id": securable_id, "principal_id": principal_id}
        connection.execute(insert(GRANTS), [{**fixed, "privilege": name} for name in sorted(new)])
    if gone:
        connection.execute(delete(GRANTS).where(*mine, GRANTS.c.privilege.in_(gone)))
