"""Reading and changing what was granted on one securable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.privileges import COUNTS_ON, Privilege
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.securables import LEVELS, Kind, Place
from spark_emulators.unity_catalog.store.grants import GrantChange, Grants
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Effective", "Permissions"]


@dataclass(frozen=True)
class Effective:
    """A privilege that somebody has on a securable.

    Attributes:
        source: what it is inherited from; None where it was granted on the securable itself.
    """

    privilege: Privilege
    source: Place | None


class Permissions:
    """The grants of all securables, by the securables' names."""

    def __init__(self, securables: Securables, grants: Grants, guard: Guard) -> None:
        self._securables, self._grants, self._guard = securables, grants, guard

    def direct(
        self, kind: Kind, full_name: str, principal: str | None = None
    ) -> Mapping[str, frozenset[Privilege]]:
        """What was granted on a securable itself, by the principals' names.

        Who may not see what others have sees their own, and their groups'.

        Args:
            principal: the only one to tell of; None for all.

        Raises:
            InvalidInput: the name has another number of parts than names of its kind.
            NoSuch: there is none of that name.
        """
        place = self._place(kind, full_name)
        id = place.securable.id
        return self._seen(place, self._grants.on([id])[id], principal)

    def effective(
        self, kind: Kind, full_name: str, principal: str | None = None
    ) -> Mapping[str, Sequence[Effective]]:
        """What counts on a securable, be it granted there or further up.

        Args, Raises: as ``direct``.
        """
        place = self._place(kind, full_name)
        grants = self._grants.on([one.id for one in place.path])
        found: dict[str, list[Effective]] = defaultdict(list)
        for depth, level in enumerate(place.path, start=1):
            own = level is place.securable
            source = None if own else Place(place.path[:depth])
            for name, held in self._seen(place, grants[level.id], principal).items():
                found[name] += (
                    Effective(privilege, source)
                    for privilege in sorted(held)
                    if own or (level.kind is not Kind.METASTORE and kind in COUNTS_ON[privilege])
                )
        return found

    def change(
        self, kind: Kind, full_name: str, changes: Sequence[GrantChange]
    ) -> Mapping[str, frozenset[Privilege]]:
        """Grant and revoke, all or nothing.

        Returns:
            What the principals that were named have on the securable now.

        Raises:
            Forbidden: whoever acts may not.
            NotFound: there is no such securable or principal.
        """
        place = self._place(kind, full_name)
        self._guard.require(Action.CHANGE_PERMISSIONS, place)
        id = place.securable.id
        self._grants.change(id, changes)
        now = self._grants.on([id])[id]
        return {change.principal: now.get(change.principal, frozenset()) for change in changes}

    def _place(self, kind: Kind, full_name: str) -> Place:
        if kind is Kind.METASTORE:
            metastore = self._securables.metastore
            if full_name not in (metastore.id, metastore.name):
                raise NoSuch(kind, full_name)
            return Place((metastore,))
        names, levels = full_name.split("."), LEVELS[kind]
        if len(names) != len(levels):
            raise InvalidInput(
                f"{kind.noun} name {full_name[:80]!r} has {len(names)} parts: "
                f"it is {'.'.join(level.value for level in levels)}"
            )
        return self._securables.find(kind, names)

    def _seen(
        self, place: Place, grants: Mapping[str, frozenset[Privilege]], principal: str | None
    ) -> Mapping[str, frozenset[Privilege]]:
        if principal is not None:
            grants = {name: held for name, held in grants.items() if name == principal}
        if not grants or self._guard.allows(Action.READ_PERMISSIONS, place):
            return grants
        own = self._grants.rights(who(), []).names
        return {name: held for name, held in grants.items() if name in own}
