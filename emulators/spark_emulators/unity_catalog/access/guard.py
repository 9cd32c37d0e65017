"""What services ask before they do something: may whoever acts do that there?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from spark_emulators.unity_catalog.access.rules import Action, allowed, missing
from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.paging import Page
from spark_emulators.unity_catalog.securables import Place, Securable
from spark_emulators.unity_catalog.store.grants import Grants
from spark_platform.kernel.errors import Forbidden

__all__ = ["OPEN", "Guard", "Guarded"]


class Guard(Protocol):
    """Decides. That the place exists is settled before it is asked."""

    def require(self, action: Action, place: Place, /) -> None:
        """Raise Forbidden where whoever acts may not; the hint says what they lack."""

    def allows(self, action: Action, place: Place, /) -> bool:
        """Whether whoever acts may."""

    def seen(self, action: Action, places: Sequence[Place], /) -> Sequence[Place]:
        """Those places where whoever acts may, asked for all of them at once."""

    def shown(self, action: Action, parent: Place, page: Page[Securable], /) -> Page[Securable]:
        """A page of what is in ``parent`` without what whoever acts may not see.

        The next page begins where it did: this one may be short, or empty.
        """


class _Open:
    """Authorization is off: everybody may do everything."""

    def require(self, _action: Action, _place: Place, /) -> None:
        return

    def allows(self, _action: Action, _place: Place, /) -> bool:
        return True

    def seen(self, _action: Action, places: Sequence[Place], /) -> Sequence[Place]:
        return places

    def shown(self, _action: Action, _parent: Place, page: Page[Securable], /) -> Page[Securable]:
        return page


OPEN: Guard = _Open()


class Guarded:
    """Goes by ownership and grants. Implements ``Guard``; each question is one query."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def require(self, action: Action, place: Place, /) -> None:
        rights = self._grants.rights(who(), _ids(place.path))
        if allowed(action, place, rights):
            return
        securable = place.securable
        raise Forbidden(
            f"principal {who()} may not {action.value}: {securable.kind.noun} "
            f"{place.full_name or securable.name}",
            hint=f"it needs {' and '.join(missing(action, place, rights))}",
        )

    def allows(self, action: Action, place: Place, /) -> bool:
        return allowed(action, place, self._grants.rights(who(), _ids(place.path)))

    def seen(self, action: Action, places: Sequence[Place], /) -> Sequence[Place]:
        ids = {one.id for place in places for one in place.path}
        rights = self._grants.rights(who(), ids)
        return [place for place in places if allowed(action, place, rights)]

    def shown(self, action: Action, parent: Place, page: Page[Securable], /) -> Page[Securable]:
        seen = self.seen(action, [parent.child(one) for one in page.items])
        return replace(page, items=[place.securable for place in seen])


def _ids(securables: Sequence[Securable]) -> list[str]:
    return [securable.id for securable in securables]
