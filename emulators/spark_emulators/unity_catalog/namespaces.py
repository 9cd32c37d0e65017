"""Schemas: list, make, describe, change, drop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spark_emulators.unity_catalog.errors import NoSuchNamespace, Unprocessable
from spark_emulators.unity_catalog.names import check_name, one_level
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.store import Store

__all__ = ["Namespaces", "PropertyChanges"]


@dataclass(frozen=True)
class PropertyChanges:
    """What an update of properties did: keys set, keys removed, keys that were not there."""

    updated: Sequence[str]
    removed: Sequence[str]
    missing: Sequence[str]


class Namespaces:
    """The schemas of all catalogs.

    Where a namespace is read it comes as its levels: one that has more than one does not exist.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def children(self, catalog: str, parent: Sequence[str], page: PageRequest) -> Page:
        """The schemas of a catalog, or those below ``parent``: none, as there is one level.

        Raises:
            NoSuchNamespace: ``parent`` is given and missing.
        """
        if not parent:
            return self._store.list_namespaces(catalog, page)
        self.properties(catalog, parent)
        return Page([], None)

    def create(self, catalog: str, levels: Sequence[str], properties: Mapping[str, str]) -> None:
        """Make a schema.

        Raises:
            InvalidInput: the name is not allowed, or has more than one level.
            AlreadyExists: it is there.
        """
        name = check_name("namespace", one_level(levels))
        self._store.create_namespace(catalog, name, dict(properties))

    def properties(self, catalog: str, levels: Sequence[str]) -> dict[str, str]:
        """Raises NoSuchNamespace where the schema is missing."""
        return self._store.namespace_properties(catalog, _existing(levels))

    def drop(self, catalog: str, levels: Sequence[str]) -> None:
        """Raises NoSuchNamespace or NamespaceNotEmpty."""
        self._store.drop_namespace(catalog, _existing(levels))

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
            NoSuchNamespace: the schema is missing.
        """
        name = _existing(levels)
        removals = list(dict.fromkeys(removals))
        if both := sorted(set(updates) & set(removals)):
            raise Unprocessable(f"keys both updated and removed: {', '.join(both)}")

        def changed(properties: dict[str, str]) -> dict[str, str]:
            kept = {key: value for key, value in properties.items() if key not in removals}
            return {**kept, **updates}

        before = self._store.change_properties(catalog, name, changed)
        return PropertyChanges(
            updated=list(updates),
            removed=[key for key in removals if key in before],
            missing=[key for key in removals if key not in before],
        )


def _existing(levels: Sequence[str]) -> str:
    if len(levels) != 1:
        raise NoSuchNamespace(f"namespace {'.'.join(levels)} does not exist")
    return levels[0]
