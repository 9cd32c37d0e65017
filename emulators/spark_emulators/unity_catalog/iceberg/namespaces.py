"""Schemas as Iceberg's namespaces: list, make, describe, change, drop."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.errors import NoSuch, Unprocessable
from spark_emulators.unity_catalog.metastore.paths import normal
from spark_emulators.unity_catalog.metastore.places import Places
from spark_emulators.unity_catalog.names import check_name, one_level
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.securables import Kind, Place, Securable
from spark_emulators.unity_catalog.store.securables import Securables

__all__ = ["Namespaces", "PropertyChanges"]

_COMMENT, _LOCATION = "comment", "location"


@dataclass(frozen=True)
class PropertyChanges:
    """What an update of properties did: keys set, keys removed, keys that were not there."""

    updated: Sequence[str]
    removed: Sequence[str]
    missing: Sequence[str]


class Namespaces:
    """The schemas of all catalogs.

    A schema's comment and its storage location are properties to Iceberg's clients. Where a
    namespace is read it comes as its levels: one that has more than one does not exist. What
    whoever acts may not do raises Forbidden; lists leave out what they may not see.
    """

    def __init__(self, securables: Securables, guard: Guard) -> None:
        self._securables, self._guard = securables, guard
        self._places = Places(securables, guard)

    def children(self, catalog: str, parent: Sequence[str], page: PageRequest) -> Page[Securable]:
        """The schemas of a catalog, or those below ``parent``: none, as there is one level.

        Raises:
            NoSuch: the catalog is missing, or ``parent`` is given and missing.
        """
        if parent:
            self._may(catalog, parent, Action.SEE_SCHEMA)
            return Page([], None)
        place = self._securables.find(Kind.CATALOG, [catalog])
        schemas = self._securables.children(place, Kind.SCHEMA, page)
        return self._guard.shown(Action.SEE_SCHEMA, place, schemas)

    def find(self, catalog: str, levels: Sequence[str]) -> Place:
        """Raises NoSuch where the schema or its catalog is missing. It asks nobody."""
        if len(levels) != 1:
            raise NoSuch(Kind.SCHEMA, ".".join([catalog, *levels]))
        return self._securables.find(Kind.SCHEMA, [catalog, *levels])

    def create(self, catalog: str, levels: Sequence[str], properties: Mapping[str, str]) -> None:
        """Make a schema.

        Raises:
            InvalidInput: the name is not allowed, or has more than one level.
            NoSuch: there is no such catalog.
            AlreadyExists: it is there.
        """
        name = check_name("namespace", one_level(levels))
        place = self._securables.find(Kind.CATALOG, [catalog])
        self._guard.require(Action.CREATE_SCHEMA, place)
        self._check_location(properties)
        self._securables.create(Kind.SCHEMA, [catalog, name], **_fields(properties))

    def properties(self, catalog: str, levels: Sequence[str]) -> dict[str, str]:
        """Raises NoSuch where the schema or its catalog is missing."""
        return _properties(self._may(catalog, levels, Action.SEE_SCHEMA).securable)

    def drop(self, catalog: str, levels: Sequence[str]) -> None:
        """Raises NoSuch or NotEmpty."""
        self._may(catalog, levels, Action.DELETE_SCHEMA)
        self._securables.drop(Kind.SCHEMA, [catalog, *levels])

    def change(
        self,
        catalog: str,
        levels: Sequence[str],
        updates: Mapping[str, str],
        removals: Sequence[str],
    ) -> PropertyChanges:
        """Set and remove properties, all at once.

        Raises:
            Unprocessable: a key is both set and removed.
            NoSuch: the schema or its catalog is missing.
        """
        removals = list(dict.fromkeys(removals))
        if both := sorted(set(updates) & set(removals)):
            raise Unprocessable(f"keys both updated and removed: {', '.join(both)}")
        self._may(catalog, levels, Action.UPDATE_SCHEMA)
        self._check_location(updates)

        def changed(schema: Securable) -> Securable:
            kept = {k: value for k, value in _properties(schema).items() if k not in removals}
            return dataclasses.replace(schema, **_fields({**kept, **updates}))

        schema, _ = self._securables.change(Kind.SCHEMA, [catalog, *levels], changed)
        before = _properties(schema)
        return PropertyChanges(
            updated=list(updates),
            removed=[key for key in removals if key in before],
            missing=[key for key in removals if key not in before],
        )

    def _check_location(self, properties: Mapping[str, str]) -> None:
        if _LOCATION in properties:
            self._places.check(properties[_LOCATION], Action.PLACE_STORAGE)

    def _may(self, catalog: str, levels: Sequence[str], action: Action) -> Place:
        """The schema, where whoever acts may do that to it."""
        place = self.find(catalog, levels)
        self._guard.require(action, place)
        return place


def _properties(schema: Securable) -> dict[str, str]:
    special = {_COMMENT: schema.comment, _LOCATION: schema.storage_location}
    return {
        **schema.properties,
        **{key: value for key, value in special.items() if value is not None},
    }


def _fields(properties: Mapping[str, str]) -> dict[str, Any]:
    return {
        "properties": {k: v for k, v in properties.items() if k not in (_COMMENT, _LOCATION)},
        "comment": properties.get(_COMMENT),
        "storage_location": normal(properties[_LOCATION], _LOCATION)
        if _LOCATION in properties
        else None,
    }
