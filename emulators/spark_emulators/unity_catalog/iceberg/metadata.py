"""Table metadata as text and as pyiceberg's models: read, written, started, trimmed; nothing lost.

pyiceberg's models drop fields they do not know. A field that is dropped on the way in would be gone
from the table after the next commit, so ``refuse_loss`` turns such input away instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from pyiceberg import exceptions
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

from spark_emulators.unity_catalog.errors import CommitFailed, Unsupported
from spark_platform.kernel.errors import InvalidInput

__all__ = [
    "NEWEST_FORMAT",
    "as_input_errors",
    "check_format",
    "check_location",
    "describe",
    "dump",
    "new_table",
    "parse",
    "refs_only",
    "refuse_loss",
]

NEWEST_FORMAT = 2
"""The newest table format pyiceberg can write."""

_LOCATION = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/.|/.")
_NO_SNAPSHOT = -1


@contextmanager
def as_input_errors(what: str) -> Iterator[None]:
    """Report what pyiceberg says of bad input as InvalidInput, and its failed checks as such.

    Args:
        what: what was being read or done, to begin the message with.
    """
    try:
        yield
    except ValidationError as error:
        raise InvalidInput(f"{what}: {describe(error)}") from error
    except exceptions.ValidationError as error:
        cause = error.__cause__
        reason = describe(cause) if isinstance(cause, ValidationError) else str(error)
        raise InvalidInput(f"{what}: {reason}") from error
    except exceptions.CommitFailedException as error:
        raise CommitFailed(str(error)) from error
    except (
        ValueError,
        KeyError,
        AttributeError,
        NotImplementedError,
        StopIteration,
        TypeError,
        RecursionError,
    ) as error:
        raise InvalidInput(f"{what}: {error or type(error).__name__}") from error


def describe(error: ValidationError) -> str:
    """Every wrong field with its reason, but not its value: it may be long, or not ours to show."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    )


def parse(text: str) -> TableMetadata:
    """Read a metadata file.

    Raises:
        InvalidInput: it is no table metadata, or holds fields that would not survive a commit.
        Unsupported: its format version is too new.
    """
    with as_input_errors("not table metadata"):
        raw = json.loads(text)
        if not isinstance(raw, dict):
            raise InvalidInput("not table metadata: a JSON object is expected")
        check_format(raw.get("format-version"))
        if raw.get("current-snapshot-id") == _NO_SNAPSHOT:
            del raw["current-snapshot-id"]
        metadata = TableMetadataUtil.parse_raw(text)
        refuse_loss("table metadata", raw, json.loads(dump(metadata)))
    return metadata


def dump(metadata: TableMetadata) -> str:
    """The text of a metadata file."""
    text: str = metadata.model_dump_json()
    return text


def check_format(version: object) -> None:
    """Raise Unsupported for a table format that cannot be written here."""
    if isinstance(version, int) and version > NEWEST_FORMAT:
        raise Unsupported(
            f"table format version {version} is not supported: use at most {NEWEST_FORMAT}"
        )


def check_location(location: str) -> str:
    """``location`` without a final slash; raises InvalidInput unless it is absolute."""
    if not _LOCATION.match(location):
        raise InvalidInput(f"location {location!r} must be an absolute path or URI")
    return location.rstrip("/")


def new_table(
    schema: Schema,
    spec: PartitionSpec | None,
    order: SortOrder | None,
    location: str,
    properties: Mapping[str, str],
) -> TableMetadata:
    """The metadata of an empty table, with field ids assigned afresh.

    Raises:
        InvalidInput: schema, spec, order or properties do not fit together.
        Unsupported: the property ``format-version`` asks for too new a format.
    """
    with as_input_errors("cannot create the table"):
        check_format(int(properties.get("format-version", NEWEST_FORMAT)))
        spec = spec or UNPARTITIONED_PARTITION_SPEC
        order = order or UNSORTED_SORT_ORDER
        spec.check_compatible(schema)
        order.check_compatible(schema)
        return new_table_metadata(
            schema=schema,
            partition_spec=spec,
            sort_order=order,
            location=check_location(location),
            properties=dict(properties),
        )


def refs_only(metadata: TableMetadata) -> TableMetadata:
    """The metadata with those snapshots only that a branch or tag points to."""
    wanted = {ref.snapshot_id for ref in metadata.refs.values()}
    kept = [snapshot for snapshot in metadata.snapshots if snapshot.snapshot_id in wanted]
    return metadata.model_copy(update={"snapshots": kept})


def refuse_loss(what: str, given: Any, kept: Any) -> None:
    """Raise InvalidInput where ``given`` JSON has a field that its parsed form ``kept`` has not."""
    lost = list(_lost(given, kept, ""))
    if lost:
        raise InvalidInput(f"{what} has fields this catalog cannot keep: {', '.join(lost[:5])}")


def _lost(given: Any, kept: Any, path: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in kept:
                yield from _lost(value, kept[key], f"{path}{key}.")
            elif value is not None and not _is_redundant(key, value):
                yield f"{path}{key}"
    elif isinstance(given, list) and isinstance(kept, list):
        if len(given) > len(kept):
            yield f"{path}{len(kept)}"
        for index, (value, other) in enumerate(zip(given, kept, strict=False)):
            yield from _lost(value, other, f"{path}{index}.")


def _is_redundant(key: str, value: Any) -> bool:
    """Whether a field that pyiceberg drops says nothing that the rest does not.

    ``last-column-id`` is deprecated in "add-schema" updates. DuckDB calls partition specs structs.
    """
    return key == "last-column-id" or (key, value) == ("type", "struct")
