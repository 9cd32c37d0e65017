"""Who may have what placed where: a location that a caller names must not be somebody else's."""

from __future__ import annotations

from spark_emulators.unity_catalog.access.guard import OPEN, Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.access.verbs import WRITE
from spark_emulators.unity_catalog.metastore.overlaps import DATA, owner_of
from spark_emulators.unity_catalog.metastore.paths import normal, outside_managed
from spark_emulators.unity_catalog.securables import Kind, Place
from spark_emulators.unity_catalog.store.securables import Securables

__all__ = ["Places"]


class Places:
    """Asks whose a location is, and whether whoever acts may use it."""

    def __init__(self, securables: Securables, guard: Guard) -> None:
        self._securables, self._guard = securables, guard

    def check(self, location: str, action: Action | None) -> None:
        """Check that whoever acts may have something placed at a location.

        Where a table, volume or model is, it takes the right to write that; where several are, or
        nothing at all is, the metastore's owner.

        Args:
            action: what is asked of the external location that covers it; None where the place is
                the catalog's to give.

        Raises:
            Forbidden: they may not.
            InvalidInput: it is no location.
        """
        if self._guard is OPEN:
            return
        location = normal(location, "location")
        owner = owner_of(self._securables, location, DATA)
        if owner is not None:
            self._guard.require(WRITE[owner.kind], self._securables.by_id(owner.kind, owner.id))
        elif self._securables.below(DATA, location):
            self._guard.require(Action.ADMINISTER, self._metastore())
        elif action is not None:
            outside_managed(location, "location")
            self._check_cover(location, action)

    def _check_cover(self, location: str, action: Action) -> None:
        cover = owner_of(self._securables, location, [Kind.EXTERNAL_LOCATION])
        if cover is None:
            self._guard.require(Action.ADMINISTER, self._metastore())
        else:
            self._guard.require(action, self._securables.by_id(cover.kind, cover.id))

    def _metastore(self) -> Place:
        return Place((self._securables.metastore,))
