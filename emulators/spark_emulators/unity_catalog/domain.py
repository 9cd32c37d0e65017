"""One server's catalogs: the parts of the domain, put together for its doors."""

from __future__ import annotations

from dataclasses import dataclass

from spark_emulators.unity_catalog.errors import NoSuchWarehouse
from spark_emulators.unity_catalog.locations import Locations
from spark_emulators.unity_catalog.namespaces import Namespaces
from spark_emulators.unity_catalog.settings import Settings
from spark_emulators.unity_catalog.storage import Storage
from spark_emulators.unity_catalog.store import Store
from spark_emulators.unity_catalog.tables import Tables
from spark_emulators.unity_catalog.transactions import Commits

__all__ = ["Domain"]


@dataclass(frozen=True)
class Domain:
    """What a request can be about."""

    settings: Settings
    namespaces: Namespaces
    tables: Tables
    commits: Commits

    @classmethod
    def build(cls, settings: Settings, store: Store) -> Domain:
        roots = {catalog.name: catalog.storage_root for catalog in settings.catalogs}
        storage = Storage(
            {key: value.get_secret_value() for key, value in settings.file_io.items()},
            Locations(roots.values()),
        )
        for root in roots.values():
            # Loads the libraries that reach the storage now, not within the first request.
            storage.io(root)
        return cls(
            settings, Namespaces(store), Tables(store, storage, roots), Commits(store, storage)
        )

    def catalog(self, name: str) -> str:
        """``name``, if such a catalog is served; else raises NoSuchWarehouse."""
        if all(catalog.name != name for catalog in self.settings.catalogs):
            raise NoSuchWarehouse(f"catalog {name!r} does not exist")
        return name
