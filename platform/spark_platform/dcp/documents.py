"""The manifest's JSON Schema and table of fields, from the models.

``python -m spark_platform.dcp.documents docs`` writes ``manifest.schema.json`` into the folder and
the table between the markers of its ``manifest.md``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from spark_platform.dcp.manifest import ContinuousJob, CoreETLJob

__all__ = ["BEGIN", "END", "SCHEMA", "TABLE", "schema", "schema_text", "updated"]

SCHEMA, TABLE = "manifest.schema.json", "manifest.md"
BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"
_KINDS = (CoreETLJob, ContinuousJob)


class _Generator(GenerateJsonSchema):
    """Without null: a key that has no value is no part of a manifest."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        default = schema.get("default")
        # the parts of a part say their own
        if default is None or isinstance(default, BaseModel):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return {**super().dict_schema(schema), "additionalProperties": False}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of manifests."""
    either: TypeAdapter[Any] = TypeAdapter(
        Annotated[CoreETLJob | ContinuousJob, Field(discriminator="kind")]
    )
    made = either.json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": _Generator.schema_dialect, "title": "dcp.pedregal/v1", **made}


def schema_text() -> str:
    """The JSON Schema as it is committed."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def updated(text: str) -> str:
    """A document with the table of fields as it is now.

    Raises:
        ValueError: it lacks the markers.
    """
    before, _ = text.split(BEGIN)
    _, after = text.split(END)
    rows = ["| field | default | |", "|---|---|---|", *_rows()]
    return f"{before}{BEGIN}\n{chr(10).join(rows)}\n{END}{after}"


def _rows() -> Iterator[str]:
    batch, stream = (dict(_fields(kind, "")) for kind in _KINDS)
    for path, field in {**batch, **stream}.items():
        described = " ".join((field.description or "").split())
        only = "" if path in stream and path in batch else "CoreETLJob only. "
        yield f"| `{path}` | {_default(path, batch, stream)} | {only}{described} |"


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = _model(field.annotation)
        listed = str(field.annotation).startswith("tuple")
        if inner is None or listed or field.default is None:
            yield f"{path}[]" if listed else path, field
        if inner is not None:
            yield from _fields(inner, f"{path}[]." if listed else f"{path}.")


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model, get_args(annotation))), None)


def _default(path: str, batch: dict[str, FieldInfo], stream: dict[str, FieldInfo]) -> str:
    defaults = [_of(fields[path]) for fields in (batch, stream) if path in fields]
    if len(set(defaults)) > 1:
        return ", ".join(
            f"{default or 'none'} ({kind.__name__})"
            for default, kind in zip(defaults, _KINDS, strict=True)
        )
    return defaults[0]


def _of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    return f"`{default}`" if default not in (None, (), {}) else ""


def _write(folder: Path) -> None:
    (folder / SCHEMA).write_text(schema_text())
    table = folder / TABLE
    table.write_text(updated(table.read_text()))


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
