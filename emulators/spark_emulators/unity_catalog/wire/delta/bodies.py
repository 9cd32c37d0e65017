"""The bodies that Delta's writers send (``delta.yaml``), as models.

Keys have hyphens. Keys nobody knows pass, as with the vendor's server.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, StringConstraints, Tag, model_validator

from spark_emulators.unity_catalog.wire.uc.bodies import Body, Int64, Name, Properties

__all__ = [
    "AddCommit",
    "AssertEtag",
    "AssertTableUuid",
    "CreateStagingTable",
    "CreateTable",
    "DomainMetadata",
    "Protocol",
    "RemoveDomainMetadata",
    "RemoveProperties",
    "RenameTable",
    "ReportMetrics",
    "SetBackfilled",
    "SetColumns",
    "SetComment",
    "SetDomainMetadata",
    "SetPartitionColumns",
    "SetProperties",
    "SetProtocol",
    "Struct",
    "Uniform",
    "UpdateSnapshot",
    "UpdateTable",
]

_DEEPEST = 64
Uuid = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
]
Int32 = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class Hyphenated(Body):
    """What every body here keeps to."""

    model_config = ConfigDict(
        strict=True, frozen=True, alias_generator=lambda name: name.replace("_", "-")
    )

    @model_validator(mode="before")
    @classmethod
    def _is_flat_enough(cls, given: Any) -> Any:
        # the first model that sees it looks at all that is in it
        if _deeper(given, _DEEPEST):
            raise ValueError(f"nested more than {_DEEPEST} levels deep")
        return given


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(one, levels - 1) for one in inner)


class Array(Hyphenated):
    type: Literal["array"]
    element_type: DataType
    contains_null: bool


class Map(Hyphenated):
    type: Literal["map"]
    key_type: DataType
    value_type: DataType
    value_contains_null: bool


class StructField(Hyphenated):
    name: Name
    type: DataType
    nullable: bool
    metadata: dict[str, Any]


class Struct(Hyphenated):
    type: Literal["struct"]
    fields: list[StructField]


def _kind_of_type(value: Any) -> Any:
    if isinstance(value, str):
        return "primitive"
    return value.get("type") if isinstance(value, dict) else getattr(value, "type", None)


DataType = Annotated[
    Annotated[Name, Tag("primitive")]
    | Annotated[Array, Tag("array")]
    | Annotated[Map, Tag("map")]
    | Annotated[Struct, Tag("struct")],
    Discriminator(_kind_of_type),
]


class Protocol(Hyphenated):
    min_reader_version: Int32
    min_writer_version: Int32
    reader_features: list[Name] | None = None
    writer_features: list[Name] | None = None


class Clustering(Body):
    columns: list[list[Name]] = Field(alias="clusteringColumns")


class RowTracking(Body):
    high_water_mark: Int64 = Field(alias="rowIdHighWaterMark")


class DomainMetadata(Body):
    clustering: Clustering | None = Field(default=None, alias="delta.clustering")
    row_tracking: RowTracking | None = Field(default=None, alias="delta.rowTracking")


class UniformIceberg(Hyphenated):
    metadata_location: Name
    converted_delta_version: Count
    converted_delta_timestamp: Int64
    base_converted_delta_version: Count | None = None


class Uniform(Hyphenated):
    iceberg: UniformIceberg


class Commit(Hyphenated):
    version: Int64
    timestamp: Int64
    file_name: Name
    file_size: Int64
    file_modification_timestamp: Int64


class CreateStagingTable(Hyphenated):
    name: Name


class CreateTable(Hyphenated):
    name: Name
    location: Name
    table_type: Literal["MANAGED", "EXTERNAL"]
    columns: Struct
    protocol: Protocol
    properties: Properties
    last_commit_timestamp_ms: Int64
    comment: str | None = None
    partition_columns: list[Name] | None = None
    domain_metadata: DomainMetadata | None = None
    uniform: Uniform | None = None


class RenameTable(Hyphenated):
    new_name: Name


class ReportMetrics(Hyphenated):
    table_id: Uuid
    report: dict[str, Any] | None = None


class AssertTableUuid(Hyphenated):
    type: Literal["assert-table-uuid"]
    uuid: Uuid


class AssertEtag(Hyphenated):
    type: Literal["assert-etag"]
    etag: Name


class SetProperties(Hyphenated):
    action: Literal["set-properties"]
    updates: Properties


class RemoveProperties(Hyphenated):
    action: Literal["remove-properties"]
    removals: list[Name]


class SetColumns(Hyphenated):
    action: Literal["set-columns"]
    columns: Struct


class SetPartitionColumns(Hyphenated):
    action: Literal["set-partition-columns"]
    partition_columns: list[Name]


class SetComment(Hyphenated):
    action: Literal["set-table-comment"]
    comment: str


class SetProtocol(Hyphenated):
    action: Literal["set-protocol"]
    protocol: Protocol


class SetDomainMetadata(Hyphenated):
    action: Literal["set-domain-metadata"]
    updates: DomainMetadata


class RemoveDomainMetadata(Hyphenated):
    action: Literal["remove-domain-metadata"]
    domains: list[Name]


class AddCommit(Hyphenated):
    action: Literal["add-commit"]
    commit: Commit
    uniform: Uniform | None = None


class SetBackfilled(Hyphenated):
    action: Literal["set-latest-backfilled-version"]
    latest_published_version: Int64


class UpdateSnapshot(Hyphenated):
    action: Literal["update-metadata-snapshot-version"]
    last_commit_version: Count
    last_commit_timestamp_ms: Int64


Requirement = Annotated[AssertTableUuid | AssertEtag, Field(discriminator="type")]
Update = Annotated[
    SetProperties
    | RemoveProperties
    | SetColumns
    | SetPartitionColumns
    | SetComment
    | SetProtocol
    | SetDomainMetadata
    | RemoveDomainMetadata
    | AddCommit
    | SetBackfilled
    | UpdateSnapshot,
    Field(discriminator="action"),
]


class UpdateTable(Hyphenated):
    requirements: list[Requirement] = Field(min_length=1)
    updates: list[Update] = Field(min_length=1)
