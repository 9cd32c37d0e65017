"""A Delta table's schema as Unity Catalog's columns, and back: pure.

Delta spells types as Spark does (``elementType``), its API in its own way (``element-type``).
Columns keep Spark's spelling in ``type_json``, whoever made the table (the open-source server's
``ColumnUtils``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from spark_platform.kernel.errors import InvalidInput

__all__ = ["columns", "fields", "partitioned", "partitions"]

Column = dict[str, Any]
Type = Any

# Delta's type: (Spark's SQL name, Unity Catalog's)
_PRIMITIVES: Mapping[str, tuple[str, str]] = {
    "boolean": ("boolean", "BOOLEAN"),
    "byte": ("tinyint", "BYTE"),
    "short": ("smallint", "SHORT"),
    "integer": ("int", "INT"),
    "long": ("bigint", "LONG"),
    "float": ("float", "FLOAT"),
    "double": ("double", "DOUBLE"),
    "date": ("date", "DATE"),
    "timestamp": ("timestamp", "TIMESTAMP"),
    "timestamp_ntz": ("timestamp_ntz", "TIMESTAMP_NTZ"),
    "string": ("string", "STRING"),
    "binary": ("binary", "BINARY"),
    "variant": ("variant", "VARIANT"),
}
_NESTED = {"array": "ARRAY", "map": "MAP", "struct": "STRUCT"}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
_TO_SPARK = {
    "element-type": "elementType",
    "contains-null": "containsNull",
    "key-type": "keyType",
    "value-type": "valueType",
    "value-contains-null": "valueContainsNull",
}
_TO_DELTA = {spark: delta for delta, spark in _TO_SPARK.items()}


def columns(fields: Sequence[Mapping[str, Any]], partitions: Sequence[str] = ()) -> list[Column]:
    """The columns of a table, as ``ColumnInfo`` of Unity Catalog's API.

    Args:
        fields: of its schema, as Delta's API spells them.
        partitions: names of the columns that it is partitioned by.

    Raises:
        InvalidInput: there are none, two have one name, or a type or partition column is unknown.
    """
    if not fields:
        raise InvalidInput("a table has at least one column")
    return partitioned([_column(field, place) for place, field in enumerate(fields)], partitions)


def partitioned(columns: Sequence[Mapping[str, Any]], partitions: Sequence[str]) -> list[Column]:
    """The columns of a table that is partitioned by these, whatever it was partitioned by before.

    Raises:
        InvalidInput: two columns or partitions have one name, or there is no such column.
    """
    plain = [{k: value for k, value in one.items() if k != "partition_index"} for one in columns]
    by_name = {one["name"].lower(): one for one in plain}
    wanted = [name.lower() for name in partitions]
    if len(by_name) < len(plain) or len(set(wanted)) < len(wanted):
        raise InvalidInput("two columns have the same name: upper and lower case are one")
    for index, (given, name) in enumerate(zip(partitions, wanted, strict=True)):
        if name not in by_name:
            raise InvalidInput(f"partition-columns references unknown column: {given}")
        by_name[name]["partition_index"] = index
    return plain


def fields(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The fields of a schema, as Delta's API spells them.

    None at all where a column has no ``type_json`` that can be read: whoever made the table through
    another API need not have given one, and half a schema would be a wrong one.
    """
    try:
        found = [json.loads(column["type_json"]) for column in columns]
        return [_field(one, _TO_DELTA) for one in found]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def partitions(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the columns that a table is partitioned by, in their order."""
    parts = [one for one in columns if one.get("partition_index") is not None]
    return [one["name"] for one in sorted(parts, key=lambda one: one["partition_index"])]


def _column(field: Mapping[str, Any], position: int) -> Column:
    text, name = _names(field["type"])
    column: Column = {
        "name": field["name"],
        "type_text": text,
        "type_json": json.dumps(_field(field, _TO_SPARK)),
        "type_name": name,
        "position": position,
        "nullable": field["nullable"],
    }
    comment = field["metadata"].get("comment")
    return {**column, "comment": comment} if isinstance(comment, str) else column


def _names(kind: Type) -> tuple[str, str]:
    """A type's name in Spark's SQL, and in Unity Catalog."""
    if isinstance(kind, str):
        decimal = _DECIMAL.fullmatch(kind)
        if decimal:
            return f"decimal({decimal[1]},{decimal[2]})", "DECIMAL"
        if kind not in _PRIMITIVES:
            raise InvalidInput(f"Unsupported Delta primitive type: {kind}")
        return _PRIMITIVES[kind]
    if kind["type"] == "array":
        text = f"array<{_names(kind['element-type'])[0]}>"
    elif kind["type"] == "map":
        text = f"map<{_names(kind['key-type'])[0]},{_names(kind['value-type'])[0]}>"
    else:
        inner = (f"{one['name']}:{_names(one['type'])[0]}" for one in kind["fields"])
        text = f"struct<{','.join(inner)}>"
    return text, _NESTED[kind["type"]]


def _field(field: Mapping[str, Any], spelling: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": field["name"],
        "type": _respelled(field["type"], spelling),
        "nullable": field["nullable"],
        # what is in there is the writer's own
        "metadata": dict(field["metadata"]),
    }


def _respelled(kind: Type, spelling: Mapping[str, str]) -> Type:
    if isinstance(kind, str):
        return kind
    if kind["type"] == "struct":
        return {"type": "struct", "fields": [_field(one, spelling) for one in kind["fields"]]}
    return {
        spelling.get(key, key): value
        if isinstance(value, bool) or key == "type"
        else _respelled(value, spelling)
        for key, value in kind.items()
    }
