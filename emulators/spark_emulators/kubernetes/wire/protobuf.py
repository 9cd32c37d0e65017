"""Protobuf bodies, which typed Go clients send: read into the JSON they stand for.

Only reading is needed: every such client accepts JSON answers. Types come from the OpenAPI
definitions, field numbers from the data file beside them.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

from spark_emulators.kubernetes.api.objects import timestamp
from spark_emulators.kubernetes.errors import bad_request
from spark_emulators.kubernetes.schemas.builtin import definition, field_numbers, schema_of
from spark_emulators.kubernetes.schemas.types import ANY, Schema

__all__ = ["MEDIA_TYPE", "parse"]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def parse(data: bytes) -> dict[str, Any]:
    """The object of a protobuf body.

    Raises:
        ApiError: 400 for what is no object of a served kind.
    """
    if not data.startswith(_MAGIC):
        raise bad_request("the body is not a protobuf object: it lacks the magic number")
    try:
        envelope = dict(_fields(data[len(_MAGIC) :]))
        kinds = {number: value.decode() for number, value in _fields(envelope.get(1, b""))}
        api_version, kind = kinds.get(1, ""), kinds.get(2, "")
        value = _message(envelope.get(2, b""), _schema(api_version, kind))
    except (ValueError, KeyError, IndexError, struct.error, AttributeError, TypeError) as error:
        raise bad_request(f"cannot read the protobuf body: {type(error).__name__}") from error
    return {"kind": kind, "apiVersion": api_version, **value}


def _schema(api_version: str, kind: str) -> Schema:
    if kind == "DeleteOptions":
        return definition(f"{_META}DeleteOptions")
    group, _, version = api_version.rpartition("/")
    return schema_of(group, version, kind)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and raw values of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif wire == _BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("the message ends early")
            yield number, data[at : at + size]
            at += size
        elif wire in (_FIXED64, _FIXED32):
            size, form = (8, "<d") if wire == _FIXED64 else (4, "<f")
            yield number, struct.unpack(form, data[at : at + size])[0]
            at += size
        else:
            raise ValueError("unknown wire type")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
    return (value - 2**64 if value >= 2**63 else value), at


def _message(data: bytes, schema: Schema, name: str = "") -> dict[str, Any]:
    numbers = field_numbers()[name or schema.name]
    found: dict[str, Any] = {}
    for number, raw in _fields(data):
        field = numbers.get(str(number))
        if field is None:
            continue
        if field.startswith(">"):
            found.update(_message(raw, schema, field[1:]))
            continue
        keeps, field = field.startswith("*"), field.lstrip("*")
        child = schema.field(field) or ANY
        if child.type == "array":
            found.setdefault(field, []).extend(_elements(raw, child))
        elif child.type == "object" and not child.properties and child.additional is not None:
            key, value = _entry(raw, child.additional)
            found.setdefault(field, {})[key] = value
        else:
            value = _value(raw, child)
            if value is not None and (keeps or value not in ("", 0, False)):
                found[field] = value
    return found


def _elements(raw: Any, schema: Schema) -> list[Any]:
    if schema.items.type == "integer" and isinstance(raw, bytes):  # packed
        numbers, at = [], 0
        while at < len(raw):
            number, at = _varint(raw, at)
            numbers.append(number)
        return numbers
    return [_value(raw, schema.items)]


def _entry(raw: bytes, schema: Schema) -> tuple[str, Any]:
    pair = dict(_fields(raw))
    key = pair.get(1, b"").decode()
    if schema.type == "array":  # a named list type travels as a message of its items
        return key, [each.decode() for _, each in _fields(pair.get(2, b""))]
    return key, _value(pair.get(2, b""), schema)


def _value(raw: Any, schema: Schema) -> Any:
    kind, form = schema.type, schema.raw.get("format")
    if kind == "quantity":
        return dict(_fields(raw)).get(1, b"0").decode()
    if kind == "int-or-string":
        parts = dict(_fields(raw))
        return parts.get(3, b"").decode() if parts.get(1) else parts.get(2, 0)
    if form == "date-time":
        return _time(dict(_fields(raw)), micro=schema.name.endswith("MicroTime"))
    if kind == "any":
        content = dict(_fields(raw)).get(1, b"")
        return json.loads(content) if content else None
    if kind == "string":
        return base64.b64encode(raw).decode() if form == "byte" else raw.decode()
    if kind == "boolean":
        return bool(raw)
    if kind == "object":
        return _message(raw, schema)
    return raw


def _time(parts: dict[int, Any], *, micro: bool) -> str | None:
    seconds, nanos = parts.get(1, 0), parts.get(2, 0)
    # Go's zero time is the year one
    if not parts or seconds < 0:
        return None
    text = timestamp(seconds)
    return f"{text[:-1]}.{nanos // 1000:06d}Z" if micro else text
