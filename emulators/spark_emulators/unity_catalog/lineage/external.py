"""Lineage that people declare: systems outside the catalog, and what flows between them and it.

Shapes as in the Databricks SDK's ``external_metadata`` and ``external_lineage``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Engine

from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.lineage.database import key_of
from spark_emulators.unity_catalog.lineage.external_store import ExternalStore, Relationship
from spark_emulators.unity_catalog.lineage.permitted import EVERYTHING, Permitted
from spark_emulators.unity_catalog.lineage.service import Catalog
from spark_emulators.unity_catalog.names import check_name
from spark_emulators.unity_catalog.securables import Kind
from spark_platform.kernel.errors import Forbidden, InvalidInput, NotFound

__all__ = [
    "Direction",
    "External",
    "ExternalMetadata",
    "MetadataPatch",
    "NoSuchExternal",
    "Page",
    "RelationshipBody",
    "RelationshipRef",
    "ThingOutside",
]

_TOKEN = re.compile(r"[0-9]{1,18}")

Document = dict[str, Any]
_MAX_PAGE = 1000


class NoSuchExternal(NotFound):
    """There is no such external metadata, or no such relationship."""


class SystemType(str, Enum):
    """The systems that Databricks knows."""

    AMAZON_REDSHIFT = "AMAZON_REDSHIFT"
    AZURE_SYNAPSE = "AZURE_SYNAPSE"
    CONFLUENT = "CONFLUENT"
    DATABRICKS = "DATABRICKS"
    GOOGLE_BIGQUERY = "GOOGLE_BIGQUERY"
    KAFKA = "KAFKA"
    LOOKER = "LOOKER"
    MICROSOFT_FABRIC = "MICROSOFT_FABRIC"
    MICROSOFT_SQL_SERVER = "MICROSOFT_SQL_SERVER"
    MONGODB = "MONGODB"
    MYSQL = "MYSQL"
    ORACLE = "ORACLE"
    OTHER = "OTHER"
    POSTGRESQL = "POSTGRESQL"
    POWER_BI = "POWER_BI"
    SALESFORCE = "SALESFORCE"
    SAP = "SAP"
    SERVICENOW = "SERVICENOW"
    SNOWFLAKE = "SNOWFLAKE"
    STREAM_NATIVE = "STREAM_NATIVE"
    TABLEAU = "TABLEAU"
    TERADATA = "TERADATA"
    WORKDAY = "WORKDAY"


class Direction(str, Enum):
    """Which way to look from an object."""

    UPSTREAM = "UPSTREAM"
    DOWNSTREAM = "DOWNSTREAM"


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True)


def _name(name: str) -> str:
    try:
        return check_name("external metadata", name)
    except InvalidInput as error:
        raise ValueError(error.message) from error


class MetadataPatch(_Body):
    """What can be changed of external metadata."""

    system_type: SystemType | None = None
    entity_type: str | None = Field(default=None, min_length=1)
    columns: list[str] | None = None
    description: str | None = None
    owner: str | None = None
    properties: dict[str, str] | None = None
    url: str | None = None


class ExternalMetadata(MetadataPatch):
    """An object of a system outside: a dashboard, a topic, a table of another database."""

    name: Annotated[str, AfterValidator(_name)]
    system_type: SystemType
    entity_type: str = Field(min_length=1)


class _Named(_Body):
    name: str = Field(min_length=1)


class _Path(_Body):
    url: str = Field(min_length=1)


class _ModelVersion(_Named):
    version: str


class ThingOutside(_Body):
    """One end of a relationship: exactly one of these."""

    table: _Named | None = None
    path: _Path | None = None
    model_version: _ModelVersion | None = None
    external_metadata: _Named | None = None

    @model_validator(mode="after")
    def _is_one(self) -> ThingOutside:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError(
                "exactly one of table, path, model_version, external_metadata is needed"
            )
        return self

    @property
    def key(self) -> str:
        """What it is found by."""
        return key_of(self.model_dump_json(exclude_none=True))


class RelationshipRef(_Body):
    """What a relationship is found by: its id, or else its two ends."""

    source: ThingOutside
    target: ThingOutside
    id: str | None = None


class _Columns(_Body):
    source: str
    target: str


class RelationshipBody(RelationshipRef):
    """Something flows from ``source`` to ``target``."""

    columns: list[_Columns] | None = None
    properties: dict[str, str] | None = None


class Page(_Body):
    """A part of a listing.

    Attributes:
        page_size: entries at most; 0 for the most that is allowed.
        page_token: as the page before said.
    """

    page_size: int = Field(default=0, ge=0, le=_MAX_PAGE)
    page_token: str = ""

    @property
    def limit(self) -> int:
        return self.page_size or _MAX_PAGE


class External:
    """External metadata and external lineage.

    Args:
        clock_ms: milliseconds since 1970.
        permitted: what whoever acts may know and tell. Metadata is made by the metastore's owner:
            the privilege to make it is one of those that only Databricks knows.
    """

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        clock_ms: Callable[[], int],
        permitted: Permitted = EVERYTHING,
    ) -> None:
        self._store = ExternalStore(engine)
        self._catalog = catalog
        self._clock_ms = clock_ms
        self._permitted = permitted

    # External metadata

    def create_metadata(self, body: ExternalMetadata, who: str) -> Document:
        """Raises Conflict where the name is taken, Forbidden."""
        self._permitted.require_owner(None, "create external metadata")
        document = {
            "owner": who,
            **body.model_dump(mode="json", exclude_none=True),
            "id": str(uuid.uuid4()),
            "create_time": self._now(),
            "created_by": who,
            "update_time": self._now(),
            "updated_by": who,
        }
        self._store.create_metadata(body.name, document)
        return document

    def metadata(self, name: str) -> Document:
        """Raises NoSuchExternal."""
        found = self._store.metadata(name)
        if found is None:
            raise _no_metadata(name)
        return found

    def list_metadata(self, page: Page) -> tuple[list[Document], str | None]:
        """Metadata by name, and the next page's token."""
        found = self._store.list_metadata(page.page_token, page.limit + 1)
        shown = found[: page.limit]
        return shown, shown[-1]["name"] if len(found) > len(shown) else None

    def update_metadata(self, name: str, body: MetadataPatch, mask: str, who: str) -> Document:
        """Replace the fields that ``mask`` names.

        Raises:
            InvalidInput: it names none, or one that cannot be changed or left out.
            NoSuchExternal: there is no such metadata.
            Forbidden: it is somebody else's.
        """
        changes = _masked(body, mask, set(MetadataPatch.model_fields))
        document = _changed(self._own(name, "change"), changes)
        if missing := {"system_type", "entity_type"} - document.keys():
            raise InvalidInput(f"{', '.join(sorted(missing))} cannot be left out")
        document |= {"update_time": self._now(), "updated_by": who}
        if not self._store.replace_metadata(name, document):
            raise _no_metadata(name)
        return document

    def delete_metadata(self, name: str) -> None:
        """Forget metadata and the relationships it is in; raises NoSuchExternal, Forbidden."""
        self._own(name, "delete")
        thing = ThingOutside.model_validate({"external_metadata": {"name": name or "?"}})
        if not self._store.delete_metadata(name, thing.key):
            raise _no_metadata(name)

    # External lineage

    def create(self, body: RelationshipBody) -> Document:
        """Declare a relationship.

        Raises:
            InvalidInput: none of its ends is outside.
            NoSuchExternal, NoSuch: an end does not exist.
            Conflict: it was declared before.
            Forbidden: an end is somebody else's.
        """
        if not (body.source.external_metadata or body.target.external_metadata):
            raise InvalidInput("source or target must be external_metadata")
        for end in (body.source, body.target):
            self._check(end)
        self._require(body)
        document = body.model_dump(mode="json", exclude_none=True) | {"id": str(uuid.uuid4())}
        self._store.create(Relationship(document["id"], body.source.key, body.target.key, document))
        return document

    def update(self, body: RelationshipBody, mask: str) -> Document:
        """Replace columns, properties or both; raises InvalidInput, NoSuchExternal, Forbidden."""
        changes = _masked(body, mask, {"columns", "properties"})
        found = self._found(body)
        self._require(RelationshipRef.model_validate(found.document))
        document = _changed(found.document, changes)
        self._store.replace(found.id, document)
        return document

    def delete(self, ref: RelationshipRef) -> None:
        """Raises NoSuchExternal, Forbidden."""
        found = self._found(ref)
        self._require(RelationshipRef.model_validate(found.document))
        self._store.delete(found.id)

    def neighbours(
        self, thing: ThingOutside, direction: Direction, page: Page
    ) -> tuple[list[Document], str | None]:
        """Relationships of a thing in the order of their making, and the next page's token.

        Raises:
            InvalidInput: the token is none of ours.
            NoSuch: the thing is a table that whoever acts may not know of.
        """
        if thing.table and not self._permitted.sees(thing.table.name):
            raise NoSuch(Kind.TABLE, thing.table.name)
        if page.page_token and not _TOKEN.fullmatch(page.page_token):
            raise InvalidInput(f"page_token {page.page_token!r} was not issued by this catalog")
        after = int(page.page_token or 0)
        upstream = direction is Direction.UPSTREAM
        found = self._store.of(thing.key, after, page.limit + 1, upstream=upstream)
        shown = found[: page.limit]
        token = str(shown[-1][0]) if len(found) > len(shown) else None
        side = "source" if upstream else "target"
        documents = [document for _, document in shown if self._may_see(document[side])]
        return documents, token

    def _found(self, ref: RelationshipRef) -> Relationship:
        found = self._store.find(ref.id, ref.source.key, ref.target.key)
        if found is None:
            raise NoSuchExternal("there is no such external lineage relationship")
        return found

    def _own(self, name: str, verb: str) -> Document:
        found = self.metadata(name)
        self._permitted.require_owner(found.get("owner"), f"{verb} external metadata {name!r}")
        return found

    def _require(self, ends: RelationshipRef) -> None:
        """Raise Forbidden unless whoever acts may say that one flows into the other."""
        if ends.source.table and not self._permitted.reads(ends.source.table.name):
            raise _refused("SELECT", ends.source.table.name)
        if ends.target.table and not self._permitted.writes(ends.target.table.name):
            raise _refused("MODIFY", ends.target.table.name)
        for end in (ends.source, ends.target):
            if end.external_metadata:
                self._own(end.external_metadata.name, "declare lineage of")

    def _may_see(self, end: Document) -> bool:
        return "table" not in end or self._permitted.sees(end["table"]["name"])

    def _check(self, end: ThingOutside) -> None:
        if end.external_metadata:
            self.metadata(end.external_metadata.name)
        if end.table:
            name = end.table.name
            known = (
                name.count(".") == 2 and self._catalog.exists(name) and self._permitted.sees(name)
            )
            if not known:
                raise NoSuch(Kind.TABLE, name)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock_ms() / 1000, timezone.utc).isoformat()


def _masked(body: BaseModel, mask: str, allowed: set[str]) -> Document:
    """The values of the fields that ``mask`` names; None where the body leaves one out."""
    names = allowed if mask == "*" else set(mask.split(","))
    if wrong := names - allowed:
        raise InvalidInput(
            f"update_mask {mask!r} names {', '.join(map(repr, sorted(wrong)))}",
            hint=f"allowed: {', '.join(sorted(allowed))}, or *",
        )
    return {name: body.model_dump(mode="json")[name] for name in names}


def _changed(document: Document, changes: Document) -> Document:
    merged = {**document, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def _refused(privilege: str, table: str) -> Forbidden:
    return Forbidden(
        f"principal {who()} may not declare lineage of table {table}",
        hint=f"it needs {privilege} on it",
    )


def _no_metadata(name: str) -> NoSuchExternal:
    return NoSuchExternal(f"external metadata {name!r} does not exist")
