"""Tables that Unity Catalog's own API makes: external ones of every format, managed Delta, views.

Iceberg tables are made through the Iceberg API, and found, described and dropped through both.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.errors import FailedPrecondition
from spark_emulators.unity_catalog.metastore.objects import Objects
from spark_emulators.unity_catalog.metastore.overlaps import DATA, check_no_bucket, free
from spark_emulators.unity_catalog.metastore.paths import MANAGED_FOLDER, normal
from spark_emulators.unity_catalog.securables import VIEW, Kind, Place
from spark_emulators.unity_catalog.store.staging import StagedTable, Staging
from spark_platform.kernel.errors import Forbidden, InvalidInput

__all__ = ["NewTable", "Tables", "managed_folder"]

_VIEWS = (VIEW, "METRIC_VIEW")
_DELTA, _ICEBERG = "DELTA", "ICEBERG"
_TABLE_ID = "io.unitycatalog.tableId"


@dataclass(frozen=True)
class NewTable:
    """A table to be made.

    Attributes:
        names: catalog, schema, table.
        details: columns, and what else its API tells of it, as the API spells it.
    """

    names: Sequence[str]
    type: str
    format: str | None
    location: str | None
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


class Tables:
    """Makes tables."""

    def __init__(self, objects: Objects, staging: Staging) -> None:
        self._objects = objects
        self._staging = staging

    def stage(self, names: Sequence[str]) -> StagedTable:
        """Reserve the id and the place of a managed table, whose writer starts with its data.

        Raises:
            InvalidInput: the name is not allowed, or the catalog has no storage.
            NoSuch: the schema is missing.
        """
        schema = self._objects.may_create(Kind.TABLE, names)
        id = str(uuid.uuid4())
        return self._staging.add(
            StagedTable(id, tuple(names), f"{managed_folder(schema)}/tables/{id}", who())
        )

    def create(self, new: NewTable) -> Place:
        """Make a table or view.

        Raises:
            InvalidInput: parts do not fit together, or the place is not free.
            FailedPrecondition: what was staged for it is a table already.
            Forbidden: somebody else has staged it.
            NoSuch: the schema, or what was staged for a managed table, is missing.
            AlreadyExists: the name is taken.
        """
        self._objects.may_create(Kind.TABLE, new.names)
        if new.format == _ICEBERG:
            raise InvalidInput(
                "data_source_format ICEBERG cannot be made here",
                hint="make Iceberg tables through the catalog's Iceberg REST API",
            )
        make = {"MANAGED": self._managed, "EXTERNAL": self._external}.get(new.type, self._view)
        return make(new)

    def _view(self, new: NewTable) -> Place:
        if new.type not in _VIEWS:
            raise InvalidInput(
                f"table_type {new.type} cannot be made here",
                hint="allowed: MANAGED, EXTERNAL, VIEW, METRIC_VIEW",
            )
        if not new.details.get("view_definition"):
            raise InvalidInput(f"view_definition is missing: a {new.type} needs one")
        if new.location is not None or new.format is not None:
            raise InvalidInput(f"a {new.type} has no storage_location and no data_source_format")
        return self._made(new, None)

    def _external(self, new: NewTable) -> Place:
        if new.location is None:
            raise InvalidInput("storage_location is missing: an EXTERNAL table needs one")
        if new.format is None:
            raise InvalidInput("data_source_format is missing: an EXTERNAL table needs one")
        location = self._objects.place(new.location, Action.PLACE_TABLE)
        check_no_bucket(location)
        return self._made(new, location, check=free(location, DATA))

    def _managed(self, new: NewTable) -> Place:
        if new.format != _DELTA:
            raise InvalidInput(
                f"a MANAGED table must be DELTA, not {new.format}",
                hint="stage it first, or make it through the Iceberg REST API",
            )
        if new.location is None:
            raise InvalidInput("storage_location is missing: give the staging_location")
        location = normal(new.location)
        staged = self._staging.at(location)
        if staged.finished or self._objects.securables.has(staged.id):
            raise FailedPrecondition(f"the staging table {staged.id} is a table already")
        if staged.created_by != who():
            raise Forbidden(f"the staging table at {location} is not that of {who()}")
        if new.properties.get(_TABLE_ID) != staged.id:
            raise InvalidInput(f"property {_TABLE_ID} must be the staging table's id: {staged.id}")
        made = self._made(new, location, id=staged.id)
        self._staging.finish(staged.id)
        return made

    def _made(self, new: NewTable, location: str | None, **fields: Any) -> Place:
        details = {"data_source_format": new.format, **new.details}
        return self._objects.securables.create(
            Kind.TABLE,
            new.names,
            type=new.type,
            comment=new.comment,
            properties=new.properties,
            details={key: value for key, value in details.items() if value is not None},
            storage_location=location,
            **fields,
        )


def managed_folder(place: Place) -> str:
    """Where the catalog gives out places in a schema.

    Raises:
        InvalidInput: neither schema, catalog nor metastore names a place.
    """
    if place.folder is None:
        raise InvalidInput(
            f"schema {place.full_name} has no managed storage",
            hint="give it, or its catalog, a storage_root",
        )
    return f"{normal(place.folder, 'storage_root')}/{MANAGED_FOLDER}"
