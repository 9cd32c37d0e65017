"""What all securables have in common: found, listed, changed, dropped; catalogs and schemas made.

What only one kind needs is in a module of its own, on top of this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.access.verbs import CREATE, DELETE, SEE, UPDATE
from spark_emulators.unity_catalog.locations import Locations
from spark_emulators.unity_catalog.metastore.paths import outside_managed
from spark_emulators.unity_catalog.metastore.places import Places
from spark_emulators.unity_catalog.names import check_name
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.securables import LEVELS, Kind, Place, Securable
from spark_emulators.unity_catalog.store.securables import Securables
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Change", "Objects", "check_owner", "split"]

_AT_ONCE = 100


def split(kind: Kind, full_name: str) -> Sequence[str]:
    """The parts of a dotted name.

    Raises:
        InvalidInput: it has not as many as that kind's names have.
    """
    parts = full_name.split(".")
    levels = LEVELS[kind]
    if len(parts) != len(levels) or not all(parts):
        raise InvalidInput(
            f"{full_name!r} is not the full name of a {kind.noun}",
            hint=f"it has {len(levels)} parts: {'.'.join(level.value for level in levels)}",
        )
    return parts


@dataclass(frozen=True)
class Change:
    """What a client wants to be different; None for what stays."""

    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    properties: Mapping[str, str] | None = None

    def of(self, securable: Securable) -> Securable:
        """The securable as it is to be."""
        fields: dict[str, Any] = {
            "name": self.new_name,
            "owner": self.owner,
            "comment": self.comment,
            "properties": self.properties,
        }
        return dataclasses.replace(
            securable, **{name: value for name, value in fields.items() if value is not None}
        )


def check_owner(change: Change) -> None:
    """Raise InvalidInput where nobody is to be the owner."""
    if change.owner == "":
        raise InvalidInput("owner must not be empty")


class Objects:
    """The securables of every kind.

    What whoever acts may not do raises Forbidden; lists leave out what they may not see.

    Args:
        allowed: where the server may have its files.
    """

    def __init__(self, securables: Securables, allowed: Locations, guard: Guard) -> None:
        self.securables = securables
        self.guard = guard
        self.places = Places(securables, guard)
        self._allowed = allowed

    def find(self, kind: Kind, full_name: str) -> Place:
        """Raises InvalidInput or NoSuch."""
        return self.may(SEE[kind], kind, split(kind, full_name))

    def page(self, kind: Kind, parents: Sequence[str], page: PageRequest) -> Page[Place]:
        """What is in a catalog or schema, or in the metastore where ``parents`` is empty.

        Raises:
            NoSuch: a parent is missing.
        """
        above = (Kind.METASTORE, *LEVELS[kind])[-2]
        parent = self.securables.find(above, parents)
        found = self.securables.children(parent, kind, page)
        places = [parent.child(one) for one in found.items]
        return Page(self.guard.seen(SEE[kind], places), found.last)

    def every(self, kind: Kind, parents: Sequence[str], after: str = "") -> Iterator[Place]:
        """All of what ``page`` shows, from after a name on, as far as it is asked for."""
        while True:
            found = self.page(kind, parents, PageRequest(after, _AT_ONCE))
            yield from found.items
            if found.last is None:
                return
            after = found.last

    def everywhere(self, kind: Kind, page: PageRequest) -> Page[Place]:
        """What is in any schema, by id."""
        found = self.securables.everywhere(kind, page)
        places = self.securables.places(found.items)
        return Page(self.guard.seen(SEE[kind], places), found.last)

    def may(self, action: Action, kind: Kind, names: Sequence[str]) -> Place:
        """The securable that something is about to happen to; raises NoSuch."""
        place = self.securables.find(kind, names)
        self.guard.require(action, place)
        return place

    def may_create(self, kind: Kind, names: Sequence[str]) -> Place:
        """What a new securable is going to be in; raises InvalidInput or NoSuch."""
        self.check_name(kind, names[-1])
        return self.may(CREATE[kind], (Kind.METASTORE, *LEVELS[kind])[-2], names[:-1])

    def make_container(
        self,
        kind: Kind,
        names: Sequence[str],
        *,
        storage_root: str | None,
        comment: str | None,
        properties: Mapping[str, str],
    ) -> Place:
        """Make a catalog or schema.

        Args:
            storage_root: where what is in it is stored; None for where its parent's is.

        Raises:
            InvalidInput: the name or place is not allowed.
            NoSuch: its parent is missing.
            AlreadyExists: the name is taken.
        """
        self.may_create(kind, names)
        root = storage_root and self.place(storage_root, Action.PLACE_STORAGE, "storage_root")
        return self.securables.create(
            kind, names, comment=comment, properties=properties, storage_location=root
        )

    def change(self, kind: Kind, full_name: str, change: Change) -> Place:
        """Raises InvalidInput, NoSuch, or AlreadyExists where the new name is taken."""
        if change.new_name is not None:
            self.check_name(kind, change.new_name)
        check_owner(change)
        names = split(kind, full_name)
        place = self.may(UPDATE[kind], kind, names)
        if change.owner is not None:
            # who may give it away may give all of it away
            self.guard.require(Action.CHANGE_PERMISSIONS, place)
        _, after = self.securables.change(kind, names, change.of)
        return after

    def drop(self, kind: Kind, full_name: str, *, force: bool = False) -> None:
        """Raises InvalidInput, NoSuch, or NotEmpty unless it goes with all that is in it."""
        names = split(kind, full_name)
        self.may(DELETE[kind], kind, names)
        self.securables.drop(kind, names, force=force)

    def check_name(self, kind: Kind, name: str) -> str:
        """``name``, if a securable may be given it; else raises InvalidInput."""
        return check_name(kind.noun, name)

    def place(self, location: str, action: Action, field: str = "storage_location") -> str:
        """A location in its one spelling, if a caller may name it and the server reach it.

        Args:
            action: what whoever acts must be allowed in the external location that covers it.

        Raises:
            InvalidInput: it is not allowed.
        """
        location = self.named_place(location, field)
        self.places.check(location, action)
        return location

    def named_place(self, location: str, field: str) -> str:
        """As ``place``, whoever acts."""
        location = outside_managed(location, field)
        self._allowed.check(location)
        return location
