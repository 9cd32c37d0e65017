"""An Iceberg schema as Unity Catalog's columns, in Spark's types.

The types are those Iceberg's Spark integration gives (``TypeToSparkType``): time-of-day has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    UUIDType,
)

__all__ = ["columns"]

# Iceberg's type: (Spark's JSON name, Spark's SQL name, Unity Catalog's)
_PRIMITIVES: Mapping[type[IcebergType], tuple[str, str, str]] = {
    BooleanType: ("boolean", "boolean", "BOOLEAN"),
    IntegerType: ("integer", "int", "INT"),
    LongType: ("long", "bigint", "LONG"),
    FloatType: ("float", "float", "FLOAT"),
    DoubleType: ("double", "double", "DOUBLE"),
    DateType: ("date", "date", "DATE"),
    TimestampType: ("timestamp_ntz", "timestamp_ntz", "TIMESTAMP_NTZ"),
    TimestamptzType: ("timestamp", "timestamp", "TIMESTAMP"),
    StringType: ("string", "string", "STRING"),
    UUIDType: ("string", "string", "STRING"),
    BinaryType: ("binary", "binary", "BINARY"),
    FixedType: ("binary", "binary", "BINARY"),
}
_UNKNOWN = ("void", "void", "NULL")


def columns(
    schema: Schema, spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC
) -> list[dict[str, Any]]:
    """The columns in order, as ``ColumnInfo`` of the API.

    Args:
        spec: columns that it partitions by as they are get their ``partition_index``.
    """
    partitions = [
        field.source_id for field in spec.fields if isinstance(field.transform, IdentityTransform)
    ]
    return [_column(field, place, partitions) for place, field in enumerate(schema.fields)]


def _column(field: NestedField, position: int, partitions: list[int]) -> dict[str, Any]:
    kind = field.field_type
    column: dict[str, Any] = {
        "name": field.name,
        "type_text": _sql(kind),
        "type_json": json.dumps(_field(field)),
        "type_name": _name(kind),
        "position": position,
        "nullable": field.optional,
    }
    if isinstance(kind, DecimalType):
        column |= {"type_precision": kind.precision, "type_scale": kind.scale}
    if field.doc is not None:
        column["comment"] = field.doc
    if field.field_id in partitions:
        column["partition_index"] = partitions.index(field.field_id)
    return column


def _name(kind: IcebergType) -> str:
    nested = {DecimalType: "DECIMAL", StructType: "STRUCT", ListType: "ARRAY", MapType: "MAP"}
    return nested.get(type(kind)) or _PRIMITIVES.get(type(kind), _UNKNOWN)[2]


def _sql(kind: IcebergType) -> str:
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, StructType):
        return f"struct<{','.join(f'{one.name}:{_sql(one.field_type)}' for one in kind.fields)}>"
    if isinstance(kind, ListType):
        return f"array<{_sql(kind.element_type)}>"
    if isinstance(kind, MapType):
        return f"map<{_sql(kind.key_type)},{_sql(kind.value_type)}>"
    return _PRIMITIVES.get(type(kind), _UNKNOWN)[1]


def _json(kind: IcebergType) -> Any:
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, StructType):
        return {"type": "struct", "fields": [_field(one) for one in kind.fields]}
    if isinstance(kind, ListType):
        return {
            "type": "array",
            "elementType": _json(kind.element_type),
            "containsNull": not kind.element_required,
        }
    if isinstance(kind, MapType):
        return {
            "type": "map",
            "keyType": _json(kind.key_type),
            "valueType": _json(kind.value_type),
            "valueContainsNull": not kind.value_required,
        }
    return _PRIMITIVES.get(type(kind), _UNKNOWN)[0]


def _field(field: NestedField) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": _json(field.field_type),
        "nullable": field.optional,
        "metadata": {} if field.doc is None else {"comment": field.doc},
    }
