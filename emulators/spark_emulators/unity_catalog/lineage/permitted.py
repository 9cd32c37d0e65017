"""What whoever acts may know of lineage, and tell."""

from __future__ import annotations

from typing import Protocol

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.securables import Kind, Place
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import Forbidden

__all__ = ["EVERYTHING", "ByGrants", "Permitted"]


class Permitted(Protocol):
    """Decides. Tables are named in full; those that are gone are the metastore's owner's."""

    def sees(self, table: str, /) -> bool:
        """Whether it may be known."""

    def reads(self, table: str, /) -> bool:
        """Whether its rows may be read."""

    def writes(self, table: str, /) -> bool:
        """Whether it may be written."""

    def require_owner(self, owner: str | None, what: str, /) -> None:
        """Raise Forbidden unless whoever acts is that owner, or the metastore's.

        Args:
            owner: None for the metastore's alone.
            what: would be done, to be told.
        """


class _Everything:
    """Authorization is off."""

    def sees(self, _table: str, /) -> bool:
        return True

    def reads(self, _table: str, /) -> bool:
        return True

    def writes(self, _table: str, /) -> bool:
        return True

    def require_owner(self, _owner: str | None, _what: str, /) -> None:
        return


EVERYTHING: Permitted = _Everything()


class ByGrants:
    """Goes by the catalog's ownership and grants. Implements ``Permitted``."""

    def __init__(self, securables: Securables, guard: Guard) -> None:
        self._securables, self._guard = securables, guard

    def sees(self, table: str, /) -> bool:
        return self._may(Action.SEE_TABLE, table)

    def reads(self, table: str, /) -> bool:
        return self._may(Action.READ_DATA, table)

    def writes(self, table: str, /) -> bool:
        return self._may(Action.COMMIT, table)

    def require_owner(self, owner: str | None, what: str, /) -> None:
        if owner != who() and not self._owns_all():
            raise Forbidden(
                f"principal {who()} may not {what}",
                hint="its owner may, and the metastore's" if owner else "the metastore's owner may",
            )

    def _may(self, action: Action, table: str) -> bool:
        try:
            place = self._securables.find(Kind.TABLE, table.split("."))
        except NoSuch:
            return self._owns_all()
        return self._guard.allows(action, place)

    def _owns_all(self) -> bool:
        return self._guard.allows(Action.ADMINISTER, Place((self._securables.metastore,)))
