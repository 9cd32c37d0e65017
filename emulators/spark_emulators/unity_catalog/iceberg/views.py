"""Views: list, create, load, replace, register, rename, drop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyiceberg.schema import Schema
from pyiceberg.view.metadata import ViewMetadata, ViewVersion

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.errors import AlreadyExists, CommitFailed, NoSuchView
from spark_emulators.unity_catalog.iceberg.columns import columns
from spark_emulators.unity_catalog.iceberg.creating import schema_for
from spark_emulators.unity_catalog.iceberg.metadata import as_input_errors, check_location
from spark_emulators.unity_catalog.iceberg.placing import fresh_location
from spark_emulators.unity_catalog.iceberg.storage import Storage
from spark_emulators.unity_catalog.iceberg.view_commits import (
    AssertViewUuid,
    apply_to_view,
    new_view,
)
from spark_emulators.unity_catalog.metastore.places import Places
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.paging import Page, PageRequest
from spark_emulators.unity_catalog.securables import VIEW, Kind, Place, Securable
from spark_emulators.unity_catalog.store.iceberg import Facts, Move, Pointers
from spark_emulators.unity_catalog.store.securables import Securables

__all__ = ["NewView", "ViewState", "Views"]

_ROUNDS = 100
_SPARK = "spark"


@dataclass(frozen=True)
class NewView:
    """A view to be made.

    Attributes:
        location: the folder of its metadata; None for one of its own below the schema's.
    """

    name: TableName
    schema: Schema
    version: ViewVersion
    location: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewState:
    """One state of a view, and the file that says so."""

    metadata: ViewMetadata
    location: str


class Views:
    """The Iceberg views of all catalogs.

    What whoever acts may not do raises Forbidden; lists leave out what they may not see.
    """

    def __init__(
        self, securables: Securables, pointers: Pointers, storage: Storage, guard: Guard
    ) -> None:
        self._securables = securables
        self._pointers = pointers
        self._storage = storage
        self._guard = guard
        self._places = Places(securables, guard)

    def names(self, catalog: str, namespace: str, page: PageRequest) -> Page[Securable]:
        """Raises NoSuch where the schema or its catalog is missing."""
        schema = self._securables.find(Kind.SCHEMA, [catalog, namespace])
        return self._guard.shown(Action.SEE_TABLE, schema, self._pointers.views(schema, page))

    def exists(self, view: TableName) -> bool:
        place = self._pointers.view_place(view)
        if place is not None:
            self._guard.require(Action.SEE_TABLE, place)
        return place is not None

    def load(self, view: TableName) -> ViewState:
        """Raises NoSuchView where the view or its schema is missing."""
        return self._read(self._location(view, Action.READ_DATA))

    def create(self, new: NewView) -> ViewState:
        """Make a view.

        Raises:
            InvalidInput: the name or location is not allowed, or the parts do not fit together.
            NoSuch: the schema or its catalog is missing.
            AlreadyExists: a view or table of that name is there.
        """
        view = new.name.checked()
        schema = self._may_create(view)
        location = new.location or fresh_location(view, schema)
        metadata = new_view(location, new.schema, new.version, dict(new.properties))
        self._check_place(metadata, location if new.location is None else None)
        written = self._write(metadata, None)
        self._take(Move(view, None, written.location, _facts(metadata)), written)
        return written

    def register(self, view: TableName, location: str) -> ViewState:
        """Take up a view that has a metadata file already.

        Raises:
            InvalidInput: the file cannot be read, or is none of a view.
            NoSuch: the schema or its catalog is missing.
            AlreadyExists: a view or table of that name is there.
        """
        view.checked()
        self._may_create(view)
        state = self._read(check_location(location))
        self._check_place(state.metadata)
        self._take(Move(view, None, state.location, _facts(state.metadata)), None)
        return state

    def commit(
        self, view: TableName, requirements: Sequence[AssertViewUuid], updates: Sequence[Any]
    ) -> ViewState:
        """Change a view.

        Raises:
            NoSuchView: it is missing.
            CommitFailed: a requirement does not hold, or other writers were always faster.
            InvalidInput: the updates make no sense.
        """
        for _ in range(_ROUNDS):
            old = self._read(self._location(view, Action.UPDATE_TABLE))
            metadata = apply_to_view(old.metadata, requirements, updates)
            if metadata is old.metadata:
                return old
            self._check_place(metadata, old.metadata.location)
            written = self._write(metadata, old.location)
            if self._pointers.swap([Move(view, old.location, written.location, _facts(metadata))]):
                return written
            self._storage.remove([written.location])
        raise CommitFailed(f"gave up after {_ROUNDS} attempts: other writers were always faster")

    def rename(self, source: TableName, target: TableName) -> None:
        """Raises InvalidInput, NoSuchView, NoSuch (of the target's schema) or AlreadyExists."""
        target.checked()
        self._location(source, Action.DELETE_TABLE)
        self._may_create(target)
        self._securables.move(Kind.TABLE, source.names, target.names)

    def drop(self, view: TableName) -> None:
        """Forget a view; raises NoSuchView where it is missing."""
        for _ in range(_ROUNDS):
            if self._pointers.drop(view, self._location(view, Action.DELETE_TABLE)):
                return
        raise CommitFailed(f"view {view} changes too fast to be dropped")

    def _take(self, move: Move, written: ViewState | None) -> None:
        if self._pointers.swap([move]):
            return
        if written is not None:
            self._storage.remove([written.location])
        self._securables.find(Kind.SCHEMA, move.table.names[:2])
        raise AlreadyExists(Kind.TABLE, f"{move.table} (a table or view)")

    def _check_place(self, metadata: ViewMetadata, known: str | None = None) -> None:
        """Check where a view's metadata goes, unless that is known to be good."""
        if metadata.location != known:
            self._storage.allowed.check(metadata.location)
            self._places.check(metadata.location, Action.PLACE_TABLE)

    def _may_create(self, view: TableName) -> Place:
        return schema_for(view, self._securables, self._guard)

    def _location(self, view: TableName, action: Action) -> str:
        """Where the view's metadata is, for who may do that with it."""
        place = self._pointers.view_place(view)
        if place is None:
            raise NoSuchView(f"view {view} does not exist")
        self._guard.require(action, place)
        assert place.securable.metadata_location is not None
        return place.securable.metadata_location

    def _read(self, location: str) -> ViewState:
        text = self._storage.read_text(location)
        with as_input_errors("not view metadata"):
            return ViewState(ViewMetadata.model_validate_json(text), location)

    def _write(self, metadata: ViewMetadata, previous: str | None) -> ViewState:
        folder = f"{metadata.location}/metadata"
        text = metadata.model_dump_json(by_alias=True)
        return ViewState(metadata, self._storage.write_text(folder, text, previous))


def _facts(metadata: ViewMetadata) -> Facts:
    """Raises InvalidInput where its parts do not fit together."""
    with as_input_errors("not view metadata"):
        version = next(
            one for one in metadata.versions if one.version_id == metadata.current_version_id
        )
        schema = next(one for one in metadata.schemas if one.schema_id == version.schema_id)
        spoken = {one.root.dialect.lower(): one.root.sql for one in version.representations}
        definition = spoken.get(_SPARK) or next(iter(spoken.values()))
    properties = dict(metadata.properties)
    return Facts(
        type=VIEW,
        # its files are no data, and nobody's place
        storage_location=None,
        comment=properties.pop("comment", None),
        properties=properties,
        details={
            "view_definition": definition,
            "columns": columns(schema),
        },
    )
