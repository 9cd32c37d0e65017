"""Reading an object of a built-in kind as the real server's typed decoder does.

Unknown fields are dropped and reported, wrong types refused, nulls and empty collections left out,
quantities written canonically: what comes out is what a read will answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from spark_emulators.kubernetes.api import quantities
from spark_emulators.kubernetes.api.objects import parse_time, timestamp
from spark_emulators.kubernetes.schemas.builtin import definition, without_zero
from spark_emulators.kubernetes.schemas.types import Schema

__all__ = ["Decoded", "Misfit", "decode"]

_GO_TYPES = {"integer": "int32", "number": "float64", "boolean": "bool", "string": "string"}
_OMIT = object()
_JSON_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"


class Misfit(Exception):
    """A value is of another type than its field; the text is the real decoder's."""


@dataclass
class Decoded:
    """What was read.

    Attributes:
        value: the object, with known fields only.
        unknown: paths of fields that were dropped.
    """

    value: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def decode(value: dict[str, Any], schema: Schema) -> Decoded:
    """Read ``value`` by ``schema``.

    Raises:
        Misfit: a field's value is of another type.
    """
    found = Decoded()
    found.value = _object(value, schema, "", "", found.unknown)
    return found


def _any(value: Any, schema: Schema, path: str, at: str, unknown: list[str]) -> Any:
    kind = schema.type
    if value is None:
        return _OMIT
    if schema.name.startswith(f"{_JSON_SCHEMA}Or"):
        return _schema_or(value, schema.name.removeprefix(_JSON_SCHEMA), path, at, unknown)
    if kind == "object":
        if not isinstance(value, dict):
            raise _misfit(value, at, _short(schema) if schema.name else "map[string]string")
        return _object(value, schema, path, at, unknown)
    if kind == "array":
        if not isinstance(value, list):
            raise _misfit(value, at, "[]" + _short(schema.items))
        return _list(value, schema, path, at, unknown)
    return _scalar(value, kind, schema, at)


def _schema_or(value: Any, other: str, path: str, at: str, unknown: list[str]) -> Any:
    """A part of a CRD that may be a schema: OpenAPI has no word for what else it may be."""
    child = definition(_JSON_SCHEMA)
    if isinstance(value, dict):
        return _object(value, child, path, at, unknown)
    if isinstance(value, list) and other == "OrArray":
        return [
            _any(each, child, f"{path}[{index}]", at, unknown) for index, each in enumerate(value)
        ]
    if other == "OrBool" and not isinstance(value, bool):
        raise Misfit("boolean or JSON schema expected")
    return value


def _object(
    value: dict[str, Any], schema: Schema, path: str, at: str, unknown: list[str]
) -> dict[str, Any]:
    known = schema.properties
    if not known:
        return _map(value, schema, path, at, unknown)
    found = {}
    owner = schema.name.rpartition(".")[2]
    omitted = without_zero(schema.name) if schema.name else frozenset()
    for name, each in value.items():
        here = f"{path}.{name}" if path else name
        child = schema.field(name) if name in known else None
        if child is None:
            unknown.append(here)
            continue
        # "Go struct field Container.spec.containers.name": the struct, then the way from the root
        where = f"{owner}.{_plain(here)}"
        decoded = _any(each, child, here, where, unknown)
        if decoded is _OMIT:
            continue
        if name in omitted and decoded in ("", 0, False) and not isinstance(decoded, float):
            continue
        # an absent collection and an empty one are the same thing, unless the kind always has it
        empty = decoded == [] or (decoded == {} and "additionalProperties" in child.raw)
        if empty and name not in schema.required and child.type != "any":
            continue
        found[name] = decoded
    return found


def _map(
    value: dict[str, Any], schema: Schema, path: str, at: str, unknown: list[str]
) -> dict[str, Any]:
    child = schema.additional
    if child is None or child.type == "any":
        return value
    if child.type == "string" and all(type(each) is str for each in value.values()):
        return dict(value)
    found = {}
    for name, each in value.items():
        decoded = _any(each, child, f"{path}.{name}" if path else name, at, unknown)
        found[name] = _zero(child) if decoded is _OMIT else decoded
    return found


def _list(value: list[Any], schema: Schema, path: str, at: str, unknown: list[str]) -> list[Any]:
    child = schema.items
    found = []
    for index, each in enumerate(value):
        decoded = _any(each, child, f"{path}[{index}]", at, unknown)
        if decoded is _OMIT:
            decoded = _zero(child)
        found.append(decoded)
    return found


def _zero(schema: Schema) -> Any:
    """What Go's decoder leaves where an element of a map or list is null."""
    return {"object": {}, "string": "", "integer": 0, "quantity": "0"}.get(schema.type)


def _scalar(value: Any, kind: str, schema: Schema, at: str) -> Any:
    if kind == "string":
        if not isinstance(value, str):
            raise _misfit(value, at, "string")
        if schema.raw.get("format") == "date-time":
            return _time(value, schema)
        return value
    if kind == "quantity":
        return _quantity(value)
    if kind == "integer":
        return _integer(value, schema, at)
    if kind == "boolean":
        if not isinstance(value, bool):
            raise _misfit(value, at, "bool")
    elif kind == "int-or-string":
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise _misfit(value, at, "intstr.IntOrString")
    elif kind == "number" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise _misfit(value, at, "float64")
    return value


def _integer(value: Any, schema: Schema, at: str) -> int:
    bits = 64 if schema.raw.get("format") == "int64" else 32
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misfit(value, at, f"int{bits}")
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise _misfit(value, at, f"int{bits}")
    return value


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Misfit(quantities.FAULT)
    try:
        return quantities.canonical(value)
    except (ValueError, ArithmeticError) as error:
        raise Misfit(quantities.FAULT) from error


def _time(value: str, schema: Schema) -> str:
    try:
        seconds = parse_time(value)
    except (ValueError, OverflowError) as error:
        layout = "2006-01-02T15:04:05Z07:00"
        raise Misfit(
            f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"'
        ) from error
    if schema.name.endswith("MicroTime"):
        return value
    return value if len(value) == 20 and value.endswith("Z") else timestamp(seconds)


def _misfit(value: Any, at: str, wanted: str) -> Misfit:
    got = {str: "string", bool: "bool", list: "array", dict: "object"}.get(type(value), "number")
    if got == "number" and wanted.startswith("int"):
        got = f"number {value}" if not isinstance(value, int) or abs(value) > 2**31 else got
    return Misfit(f"json: cannot unmarshal {got} into Go struct field {at} of type {wanted}")


def _short(schema: Schema) -> str:
    if not schema.name:
        return _GO_TYPES.get(schema.type, schema.type)
    parts = schema.name.split(".")
    return ".".join(parts[-2:])


def _plain(path: str) -> str:
    if "[" not in path:
        return path
    import re

    return re.sub(r"\[\d+\]", "", path)
