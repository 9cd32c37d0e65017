"""What a job reads or writes: a table, a path or a topic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import GetJsonSchemaHandler, ModelWrapValidatorHandler, model_validator
from pydantic_core import core_schema
from typing_extensions import Self

from spark_platform.dcp.parts import Fault, Part, Text, fault

__all__ = ["Dataset"]

_TABLE = r"[\w-]+\.[\w-]+\.[\w-]+"
_PATH = r"(s3a?|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[^\x00-\x1f]*)?"
_TOPIC = r"[A-Za-z0-9._-]{1,249}"
_ONE_OF = ("table", "path", "topic")


class Dataset(Part):
    """A table, a path or a topic. A text alone is a table or a path."""

    table: Annotated[str, Text.of(_TABLE, "table", "catalog.schema.table")] | None = None
    """A table: `catalog.schema.table`."""
    path: Annotated[str, Text.of(_PATH, "path", "s3a://bucket/folder, or gs://…")] | None = None
    """A path: `s3a://bucket/folder`, `s3://…`, `gs://…`."""
    topic: Annotated[str, Text.of(_TOPIC, "topic", "letters, digits, '.', '_', '-'")] | None = None
    """A topic of Kafka."""
    format: Literal["avro", "csv", "json", "orc", "parquet", "text", "xml"] | None = None
    """What the files of a path are."""
    description: str | None = None
    """What it is, for people."""

    @classmethod
    def relations(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        named = [key for key in _ONE_OF if key in given]
        if not named:
            yield ("table",), fault("is missing", hint="one of table, path, topic")
        for key in named[1:]:
            yield (key,), fault(f"contradicts {named[0]}", hint="one of table, path, topic")
        if "format" in given and named and "path" not in named:
            yield ("format",), fault(f"is not for a {named[0]}", hint="files of a path have one")

    @model_validator(mode="wrap")
    @classmethod
    def _of_text(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, str):
            return handler(given)
        if "://" in given:
            return handler({"path": given})
        if re.fullmatch(_TABLE, given, re.ASCII):
            return handler({"table": given})
        raise fault(
            f"{given!r} is neither a table nor a path",
            hint="catalog.schema.table, s3a://bucket/folder, or {topic: NAME}",
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler.resolve_ref_schema(handler(schema))
        named = {"oneOf": [{"required": [key]} for key in _ONE_OF]}
        text = {"type": "string", "pattern": f"^({_TABLE}|{_PATH})$"}
        return {"anyOf": [text, {**found, **named}]}
