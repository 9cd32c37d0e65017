"""What Unity Catalog holds: one kind of record for all that can be named, owned and granted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["LEVELS", "VIEW", "Kind", "Place", "Securable"]

VIEW = "VIEW"
"""The table type of views, which are tables in every other respect: one name, one of the two."""


class Kind(str, Enum):
    """The kinds of securables, spelled as in a permission's path."""

    METASTORE = "metastore"
    CATALOG = "catalog"
    SCHEMA = "schema"
    TABLE = "table"
    VOLUME = "volume"
    FUNCTION = "function"
    MODEL = "registered_model"
    MODEL_VERSION = "model_version"
    EXTERNAL_LOCATION = "external_location"
    CREDENTIAL = "credential"

    @property
    def noun(self) -> str:
        """What people call it."""
        return self.value.replace("_", " ")


_BELOW_SCHEMA = (Kind.TABLE, Kind.VOLUME, Kind.FUNCTION, Kind.MODEL)

LEVELS: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.METASTORE: (),
    Kind.CATALOG: (Kind.CATALOG,),
    Kind.SCHEMA: (Kind.CATALOG, Kind.SCHEMA),
    **{kind: (Kind.CATALOG, Kind.SCHEMA, kind) for kind in _BELOW_SCHEMA},
    Kind.MODEL_VERSION: (Kind.CATALOG, Kind.SCHEMA, Kind.MODEL, Kind.MODEL_VERSION),
    Kind.EXTERNAL_LOCATION: (Kind.EXTERNAL_LOCATION,),
    Kind.CREDENTIAL: (Kind.CREDENTIAL,),
}
"""The parts of each kind's full name; all of them are below the one metastore."""


@dataclass(frozen=True)
class Securable:
    """One thing that has a name.

    Attributes:
        type: what tables, volumes and credentials tell apart: ``MANAGED``, ``EXTERNAL``, ``VIEW``…
        details: what only its kind has, as its API spells it.
        storage_location: where its files are, or its children's where they name no place.
        metadata_location: an Iceberg table's or view's current metadata file.
        created_at, updated_at: milliseconds since 1970.
    """

    id: str
    kind: Kind
    parent_id: str | None
    name: str
    owner: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    type: str = ""
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    storage_location: str | None = None
    metadata_location: str | None = None


@dataclass(frozen=True)
class Place:
    """A securable with all that it is in.

    Attributes:
        path: from the metastore down to the securable itself.
    """

    path: tuple[Securable, ...]

    @property
    def securable(self) -> Securable:
        return self.path[-1]

    @property
    def names(self) -> Sequence[str]:
        """The parts of its full name; a metastore has none."""
        return [securable.name for securable in self.path[1:]]

    @property
    def full_name(self) -> str:
        return ".".join(self.names)

    @property
    def parent(self) -> Place:
        return Place(self.path[:-1])

    @property
    def folder(self) -> str | None:
        """Where what the catalog stores by itself goes; None where nobody has named a place."""
        own = self.securable.storage_location
        if own is not None or len(self.path) == 1:
            return own.rstrip("/") if own else None
        above = self.parent.folder
        return above and f"{above}/{self.securable.name}"

    def nearest(self, kind: Kind) -> Securable:
        """The securable of a ``kind`` that this is, or is in."""
        return next(securable for securable in self.path if securable.kind is kind)

    def child(self, securable: Securable) -> Place:
        return Place((*self.path, securable))
