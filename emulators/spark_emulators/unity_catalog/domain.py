"""One server's catalogs: the parts of the domain, put together for its doors."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from spark_emulators.unity_catalog.access.guard import OPEN, Guard
from spark_emulators.unity_catalog.delta.commits import DeltaCommits
from spark_emulators.unity_catalog.delta.tables import DeltaTables
from spark_emulators.unity_catalog.errors import AlreadyExists
from spark_emulators.unity_catalog.iceberg.namespaces import Namespaces
from spark_emulators.unity_catalog.iceberg.storage import Storage
from spark_emulators.unity_catalog.iceberg.tables import Tables
from spark_emulators.unity_catalog.iceberg.transactions import Commits
from spark_emulators.unity_catalog.iceberg.views import Views
from spark_emulators.unity_catalog.lineage.store import Store as LineageStore
from spark_emulators.unity_catalog.lineage.system_tables import SystemTables
from spark_emulators.unity_catalog.locations import Locations
from spark_emulators.unity_catalog.metastore.models import Models
from spark_emulators.unity_catalog.metastore.objects import Objects
from spark_emulators.unity_catalog.metastore.storage import ExternalLocations
from spark_emulators.unity_catalog.metastore.tables import Tables as UcTables
from spark_emulators.unity_catalog.metastore.vending import Vending
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.settings import CatalogSettings, Settings
from spark_emulators.unity_catalog.store.delta import DeltaLogs
from spark_emulators.unity_catalog.store.iceberg import Pointers
from spark_emulators.unity_catalog.store.securables import Securables
from spark_emulators.unity_catalog.store.staging import Staging
from spark_emulators.unity_catalog.vending.sts import StsVendor

__all__ = ["Domain"]


@dataclass(frozen=True)
class Domain:
    """What a request can be about."""

    settings: Settings
    securables: Securables
    objects: Objects
    uc_tables: UcTables
    models: Models
    external_locations: ExternalLocations
    delta_commits: DeltaCommits
    delta_tables: DeltaTables
    vending: Vending
    namespaces: Namespaces
    tables: Tables
    views: Views
    commits: Commits
    guard: Guard
    system_tables: SystemTables

    @classmethod
    def build(
        cls, settings: Settings, engine: Engine, securables: Securables, guard: Guard = OPEN
    ) -> Domain:
        """The domain on a database, which is given the settings' catalogs where it lacks them.

        Args:
            securables: of that database.
        """
        for catalog in settings.catalogs:
            _make(securables, catalog)
        roots = [catalog.storage_root for catalog in settings.catalogs]
        roots += [settings.storage_root] if settings.storage_root else []
        storage = Storage(
            {key: value.get_secret_value() for key, value in settings.file_io.items()},
            Locations(roots),
        )
        for root in roots:
            # Loads the libraries that reach the storage now, not within the first request.
            storage.io(root)
        objects = Objects(securables, storage.allowed, guard)
        models, staging = Models(objects), Staging(engine)
        uc_tables, logs = UcTables(objects, staging), DeltaLogs(engine)
        vendor = StsVendor(settings.vending) if settings.vending else None
        pointers = Pointers(engine, securables)
        system_tables = SystemTables(
            LineageStore(engine),
            securables,
            # the server itself writes them, whoever asks for them
            Tables(securables, pointers, storage, OPEN),
            Commits(securables, pointers, storage, OPEN),
            storage,
            roots[-1],
        )
        system_tables.make()
        return cls(
            settings,
            securables,
            objects,
            uc_tables,
            models,
            ExternalLocations(objects),
            DeltaCommits(objects, logs),
            DeltaTables(objects, uc_tables, logs),
            Vending(objects, models, staging, vendor, guard),
            Namespaces(securables, guard),
            Tables(securables, pointers, storage, guard),
            Views(securables, pointers, storage, guard),
            Commits(securables, pointers, storage, guard),
            guard,
            system_tables,
        )


def _make(securables: Securables, catalog: CatalogSettings) -> None:
    try:
        securables.create(Kind.CATALOG, [catalog.name], storage_location=catalog.storage_root)
    except AlreadyExists:
        return
