"""The bodies that clients send (Unity Catalog's OpenAPI), as models.

Keys nobody knows pass, as with the vendors' servers; a value of another type does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = [
    "AwsRole",
    "Body",
    "Column",
    "CreateCatalog",
    "CreateCredential",
    "CreateExternalLocation",
    "CreateFunction",
    "CreateModel",
    "CreateModelVersion",
    "CreateSchema",
    "CreateStagingTable",
    "CreateTable",
    "CreateVolume",
    "FinalizeModelVersion",
    "Int64",
    "Name",
    "Properties",
    "SetAlias",
    "UpdateCredential",
    "UpdateExternalLocation",
    "UpdateModelVersion",
    "UpdateObject",
    "UpdateTable",
]

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Name = Annotated[str, StringConstraints(min_length=1)]
TypeName = Literal[
    "BOOLEAN",
    "BYTE",
    "SHORT",
    "INT",
    "LONG",
    "FLOAT",
    "DOUBLE",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP_NTZ",
    "STRING",
    "BINARY",
    "DECIMAL",
    "INTERVAL",
    "ARRAY",
    "STRUCT",
    "MAP",
    "VARIANT",
    "CHAR",
    "NULL",
    "USER_DEFINED_TYPE",
    "TABLE_TYPE",
]
Format = Literal["DELTA", "CSV", "JSON", "AVRO", "PARQUET", "ORC", "TEXT", "ICEBERG"]
TableType = Literal[
    "MANAGED", "EXTERNAL", "STREAMING_TABLE", "MATERIALIZED_VIEW", "METRIC_VIEW", "VIEW"
]
Properties = dict[str, str]


class Body(BaseModel):
    """What every body keeps to: types as they are declared, and text that any database can hold."""

    model_config = ConfigDict(strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, given: Any) -> Any:
        for text in _texts(given):
            if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
                raise ValueError("text must not have NUL or half a surrogate pair in it")
        return given


class CreateCatalog(Body):
    name: Name
    comment: str | None = None
    properties: Properties | None = None
    storage_root: str | None = None


class CreateSchema(CreateCatalog):
    catalog_name: Name


class UpdateObject(Body):
    """What most objects let a client change."""

    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    properties: Properties | None = None


class UpdateTable(Body):
    owner: str


class Column(Body):
    name: Name
    type_text: str | None = None
    type_json: str | None = None
    type_name: TypeName | None = None
    type_precision: Int64 | None = None
    type_scale: Int64 | None = None
    type_interval_type: str | None = None
    position: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    comment: str | None = None
    nullable: bool = True
    partition_index: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class TableDependency(Body):
    table_full_name: Name


class FunctionDependency(Body):
    function_full_name: Name


class Dependency(Body):
    table: TableDependency | None = None
    function: FunctionDependency | None = None


class Dependencies(Body):
    dependencies: list[Dependency] | None = None


class CreateStagingTable(Body):
    name: Name
    catalog_name: Name
    schema_name: Name


class CreateTable(CreateStagingTable):
    table_type: TableType
    columns: list[Column]
    data_source_format: Format | None = None
    storage_location: str | None = None
    comment: str | None = None
    properties: Properties | None = None
    view_definition: str | None = None
    view_dependencies: Dependencies | None = None


class CreateVolume(Body):
    catalog_name: Name
    schema_name: Name
    name: Name
    volume_type: Literal["MANAGED", "EXTERNAL"]
    comment: str | None = None
    storage_location: str | None = None


class Parameter(Body):
    name: Name
    type_text: str
    type_json: str | None = None
    type_name: TypeName
    position: Int64
    type_precision: Int64 | None = None
    type_scale: Int64 | None = None
    type_interval_type: str | None = None
    parameter_mode: Literal["IN"] | None = None
    parameter_type: Literal["PARAM", "COLUMN"] | None = None
    parameter_default: str | None = None
    comment: str | None = None


class Parameters(Body):
    parameters: list[Parameter] | None = None


class Function(Body):
    name: Name
    catalog_name: Name
    schema_name: Name
    input_params: Parameters
    data_type: TypeName
    full_data_type: str
    return_params: Parameters | None = None
    routine_body: Literal["SQL", "EXTERNAL"]
    routine_definition: str
    routine_dependencies: Dependencies | None = None
    parameter_style: Literal["S"]
    is_deterministic: bool
    sql_data_access: Literal["CONTAINS_SQL", "READS_SQL_DATA", "NO_SQL"]
    is_null_call: bool
    security_type: Literal["DEFINER"]
    specific_name: str
    comment: str | None = None
    properties: str | None = None
    external_language: str | None = None


class CreateFunction(Body):
    function_info: Function


class CreateModel(Body):
    name: Name
    catalog_name: Name
    schema_name: Name
    comment: str | None = None


class CreateModelVersion(Body):
    model_name: Name
    catalog_name: Name
    schema_name: Name
    source: str
    run_id: str | None = None
    comment: str | None = None


class UpdateModelVersion(Body):
    comment: str | None = None


class FinalizeModelVersion(Body):
    full_name: Name
    version: Int64


class SetAlias(Body):
    version_num: Int64


class AwsRole(Body):
    role_arn: Name


class CreateCredential(Body):
    name: Name
    comment: str | None = None
    purpose: Literal["STORAGE", "SERVICE"] = "STORAGE"
    aws_iam_role: AwsRole | None = None


class UpdateCredential(Body):
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    aws_iam_role: AwsRole | None = None


class CreateExternalLocation(Body):
    name: Name
    url: Name
    credential_name: Name
    comment: str | None = None


class UpdateExternalLocation(Body):
    new_name: str | None = None
    owner: str | None = None
    comment: str | None = None
    url: str | None = None
    credential_name: str | None = None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(key)
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
