"""The bodies clients send (Iceberg REST OpenAPI), as models.

Keys nobody knows pass, as the specification wants; but not inside what becomes table metadata.
"""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update import TableRequirement, TableUpdate

from spark_emulators.unity_catalog.iceberg.metadata import refuse_loss

__all__ = [
    "Commit",
    "CreateNamespace",
    "CreateTable",
    "Identifier",
    "MetricsReport",
    "RegisterTable",
    "Rename",
    "Transaction",
    "UpdateProperties",
]


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _keeping_all(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    # Some of pyiceberg's validators write to what they are given.
    before = copy.deepcopy(given)
    parsed = handler(given)
    if parsed is not None:
        what = before.get("action", "request") if isinstance(before, dict) else "request"
        refuse_loss(what, before, parsed.model_dump(mode="json"))
    return parsed


_KEPT = WrapValidator(_keeping_all)


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=_dashed, frozen=True)


class CreateNamespace(_Body):
    namespace: list[str]
    properties: dict[str, str] = Field(default_factory=dict)


class UpdateProperties(_Body):
    removals: list[str] = Field(default_factory=list)
    updates: dict[str, str] = Field(default_factory=dict)


class CreateTable(_Body):
    name: str
    table_schema: Annotated[Schema, _KEPT] = Field(alias="schema")
    location: str | None = None
    partition_spec: Annotated[PartitionSpec | None, _KEPT] = None
    write_order: Annotated[SortOrder | None, _KEPT] = None
    stage_create: bool = False
    properties: dict[str, str] = Field(default_factory=dict)


class RegisterTable(_Body):
    name: str
    metadata_location: str
    overwrite: bool = False


class Identifier(_Body):
    namespace: list[str]
    name: str


class Rename(_Body):
    source: Identifier
    destination: Identifier


class Commit(_Body):
    identifier: Identifier | None = None
    requirements: list[TableRequirement]
    updates: list[Annotated[TableUpdate, _KEPT]]


class Transaction(_Body):
    table_changes: list[Commit]


class _ScanReport(_Body):
    report_type: Literal["scan-report"]
    table_name: str
    snapshot_id: int
    metrics: dict[str, Any]


class _CommitReport(_Body):
    report_type: Literal["commit-report"]
    table_name: str
    snapshot_id: int
    sequence_number: int
    operation: str
    metrics: dict[str, Any]


class MetricsReport(RootModel[_ScanReport | _CommitReport]):
    """What a client measured while it planned a scan or committed."""

    root: Annotated[_ScanReport | _CommitReport, Field(discriminator="report_type")]
