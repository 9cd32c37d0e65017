"""A commit to a view as a pure function: metadata and updates in; new metadata out.

By Iceberg's view specification and its Java ``ViewMetadata.Builder``; pyiceberg has the models, but
nothing that changes them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pyiceberg.schema import Schema
from pyiceberg.view.metadata import ViewHistoryEntry, ViewMetadata, ViewVersion

from spark_emulators.unity_catalog.errors import CommitFailed
from spark_emulators.unity_catalog.iceberg.metadata import as_input_errors, check_location
from spark_platform.kernel.errors import InvalidInput

__all__ = ["AssertViewUuid", "ViewUpdate", "apply_to_view", "new_view"]

FORMAT = 1
_LAST_ADDED = -1
_KEPT = "version.history.num-entries"
_KEPT_DEFAULT = 10
_MAY_DROP_DIALECT = "replace.drop-dialect.allowed"


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"), populate_by_name=True, frozen=True
    )


class AssertViewUuid(_Part):
    """The view must be the one that the writer has seen."""

    type: Literal["assert-view-uuid"]
    uuid: str


class AssignUuid(_Part):
    action: Literal["assign-uuid"]
    uuid: str


class UpgradeFormat(_Part):
    action: Literal["upgrade-format-version"]
    format_version: int


class AddSchema(_Part):
    action: Literal["add-schema"]
    added: Schema = Field(alias="schema")


class SetLocation(_Part):
    action: Literal["set-location"]
    location: str


class SetProperties(_Part):
    action: Literal["set-properties"]
    updates: dict[str, str]


class RemoveProperties(_Part):
    action: Literal["remove-properties"]
    removals: list[str]


class AddVersion(_Part):
    action: Literal["add-view-version"]
    view_version: ViewVersion


class SetCurrentVersion(_Part):
    action: Literal["set-current-view-version"]
    view_version_id: int


ViewUpdate = Annotated[
    AssignUuid
    | UpgradeFormat
    | AddSchema
    | SetLocation
    | SetProperties
    | RemoveProperties
    | AddVersion
    | SetCurrentVersion,
    Field(discriminator="action"),
]


def new_view(
    location: str, schema: Schema, version: ViewVersion, properties: dict[str, str]
) -> ViewMetadata:
    """The metadata of a view with its first version.

    Raises:
        InvalidInput: version and schema do not fit together.
    """
    nothing = ViewMetadata.model_construct(
        view_uuid=str(uuid.uuid4()),
        format_version=FORMAT,
        location=check_location(location),
        schemas=[],
        current_version_id=0,
        versions=[],
        version_log=[],
        properties=dict(properties),
    )
    with as_input_errors("cannot create the view"):
        builder = _Builder(nothing)
        builder.add_schema(AddSchema(action="add-schema", schema=schema))
        settled = version.model_copy(update={"schema_id": _LAST_ADDED})
        builder.add_version(AddVersion(action="add-view-version", view_version=settled))
        builder.set_current(_set_current(_LAST_ADDED))
        return builder.metadata


def apply_to_view(
    base: ViewMetadata, requirements: Sequence[AssertViewUuid], updates: Sequence[Any]
) -> ViewMetadata:
    """Check the requirements, then apply all updates in order.

    Args:
        updates: of ``ViewUpdate``.

    Returns:
        The new metadata, or ``base`` itself where nothing changed.

    Raises:
        CommitFailed: a requirement does not hold.
        InvalidInput: the updates make no sense, or a dialect would be lost.
    """
    for requirement in requirements:
        if requirement.uuid != base.view_uuid:
            raise CommitFailed(
                f"the view's uuid is {base.view_uuid}, not {requirement.uuid}: it was replaced"
            )
    with as_input_errors("cannot commit"):
        builder = _Builder(base)
        for update in updates:
            builder.apply(update)
        if builder.metadata == base:
            return base
        _check_dialects(base, builder.metadata)
        return _expired(builder.metadata)


class _Builder:
    """One commit in the making."""

    def __init__(self, base: ViewMetadata) -> None:
        self.metadata = base
        self._schema_ids: list[int] = []
        self._version_ids: list[int] = []
        self._steps: dict[type, Callable[[Any], None]] = {
            AssignUuid: self.assign_uuid,
            UpgradeFormat: self.upgrade,
            AddSchema: self.add_schema,
            SetLocation: self.set_location,
            SetProperties: self.set_properties,
            RemoveProperties: self.remove_properties,
            AddVersion: self.add_version,
            SetCurrentVersion: self.set_current,
        }

    def apply(self, update: Any) -> None:
        self._steps[type(update)](update)

    def assign_uuid(self, update: AssignUuid) -> None:
        if update.uuid != self.metadata.view_uuid:
            raise InvalidInput("the uuid of a view cannot be changed")

    def upgrade(self, update: UpgradeFormat) -> None:
        if update.format_version != FORMAT:
            raise InvalidInput(f"view format version must be {FORMAT}")

    def add_schema(self, update: AddSchema) -> None:
        known = self.metadata.schemas
        same = next((one for one in known if one.fields == update.added.fields), None)
        if same is None:
            same = update.added.model_copy(
                update={"schema_id": max((one.schema_id for one in known), default=-1) + 1}
            )
            self._change(schemas=[*known, same])
        self._schema_ids.append(same.schema_id)

    def set_location(self, update: SetLocation) -> None:
        self._change(location=check_location(update.location))

    def set_properties(self, update: SetProperties) -> None:
        self._change(properties={**self.metadata.properties, **update.updates})

    def remove_properties(self, update: RemoveProperties) -> None:
        kept = {k: v for k, v in self.metadata.properties.items() if k not in update.removals}
        self._change(properties=kept)

    def add_version(self, update: AddVersion) -> None:
        given = update.view_version
        _check_version(given)
        schema_id = _meant(given.schema_id, self._schema_ids, "schema")
        if all(one.schema_id != schema_id for one in self.metadata.schemas):
            raise InvalidInput(f"the view has no schema {schema_id}")
        known = self.metadata.versions
        version = given.model_copy(update={"schema_id": schema_id})
        same = next((one for one in known if _says(one) == _says(version)), None)
        if same is None:
            above = max((one.version_id for one in known), default=0) + 1
            same = version.model_copy(update={"version_id": max(given.version_id, above)})
            self._change(versions=[*known, same])
        self._version_ids.append(same.version_id)

    def set_current(self, update: SetCurrentVersion) -> None:
        id = _meant(update.view_version_id, self._version_ids, "version")
        version = next((one for one in self.metadata.versions if one.version_id == id), None)
        if version is None:
            raise InvalidInput(f"the view has no version {id}")
        if id == self.metadata.current_version_id:
            return
        fresh = id in self._version_ids
        at = version.timestamp_ms if fresh else time.time_ns() // 1_000_000
        entry = ViewHistoryEntry(timestamp_ms=at, version_id=id)
        self._change(current_version_id=id, version_log=[*self.metadata.version_log, entry])

    def _change(self, **fields: Any) -> None:
        self.metadata = self.metadata.model_copy(update=fields)


def _set_current(id: int) -> SetCurrentVersion:
    return SetCurrentVersion(action="set-current-view-version", view_version_id=id)


def _meant(asked: int, added: Sequence[int], what: str) -> int:
    if asked != _LAST_ADDED:
        return asked
    if not added:
        raise InvalidInput(f"there is no last added {what}: this commit adds none")
    return added[-1]


def _says(version: ViewVersion) -> dict[str, Any]:
    """What makes a version what it is: the same again is no new one."""
    said: dict[str, Any] = version.model_dump(exclude={"version_id", "timestamp_ms"})
    return said


def _dialects(version: ViewVersion) -> list[str]:
    return [one.root.dialect.lower() for one in version.representations]


def _check_version(version: ViewVersion) -> None:
    dialects = _dialects(version)
    if not dialects:
        raise InvalidInput("a view version needs at least one representation")
    if len(set(dialects)) < len(dialects):
        raise InvalidInput("a view version has one representation of each dialect at most")


def _current(metadata: ViewMetadata) -> ViewVersion:
    return next(one for one in metadata.versions if one.version_id == metadata.current_version_id)


def _check_dialects(base: ViewMetadata, new: ViewMetadata) -> None:
    if new.properties.get(_MAY_DROP_DIALECT, "false").lower() == "true":
        return
    lost = set(_dialects(_current(base))) - set(_dialects(_current(new)))
    if lost:
        raise InvalidInput(
            f"the view would lose its dialects {', '.join(sorted(lost))}",
            hint=f"set the property {_MAY_DROP_DIALECT}=true",
        )


def _expired(metadata: ViewMetadata) -> ViewMetadata:
    """Without the oldest versions, where there are more than are to be kept."""
    wanted = int(metadata.properties.get(_KEPT, _KEPT_DEFAULT))
    if wanted < 1:
        raise InvalidInput(f"{_KEPT} must be at least 1, not {wanted}")
    if len(metadata.versions) <= wanted:
        return metadata
    newest = sorted(metadata.versions, key=lambda one: one.version_id, reverse=True)
    kept = {metadata.current_version_id, *(one.version_id for one in newest[:wanted])}
    versions = [one for one in metadata.versions if one.version_id in kept]
    log: list[ViewHistoryEntry] = []
    for entry in metadata.version_log:
        # what came before a version that is gone cannot be told any more
        log = [*log, entry] if entry.version_id in kept else []
    return metadata.model_copy(update={"versions": versions, "version_log": log})
