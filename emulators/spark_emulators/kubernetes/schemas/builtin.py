"""Reads the data files. Definitions are parsed at the first write, not at the start."""

from __future__ import annotations

import functools
import gzip
import json
from importlib import resources
from typing import Any

from spark_emulators.kubernetes.schemas.types import Schema

__all__ = ["definitions", "resource_entries", "schema_of"]

_DATA = resources.files(__package__) / "data"


def resource_entries() -> list[dict[str, Any]]:
    """The discovery entries of the built-in kinds, with their ``groupVersion``."""
    found: list[dict[str, Any]] = json.loads((_DATA / "resources.json").read_text())
    return found


# constant data of the package, so it is shared by all clusters of a process
@functools.lru_cache(maxsize=1)
def definitions() -> dict[str, dict[str, Any]]:
    """OpenAPI definitions by name, such as ``io.k8s.api.core.v1.Pod``."""
    packed = (_DATA / "definitions.json.gz").read_bytes()
    found: dict[str, dict[str, Any]] = json.loads(gzip.decompress(packed))
    return found


@functools.lru_cache(maxsize=1)
def field_numbers() -> dict[str, dict[str, str]]:
    """Protobuf's field numbers by definition; see ``schemas.fields``."""
    packed = (_DATA / "fields.json.gz").read_bytes()
    found: dict[str, dict[str, str]] = json.loads(gzip.decompress(packed))
    return found


@functools.cache
def without_zero(name: str) -> frozenset[str]:
    """Fields of a definition that are left out where they are zero, false or empty."""
    found: set[str] = set()
    for field in field_numbers().get(name, {}).values():
        if field.startswith(">"):
            found |= without_zero(field[1:])
        elif not field.startswith("*"):
            found.add(field)
    return frozenset(found)


@functools.lru_cache(maxsize=1)
def _names() -> dict[tuple[str, str, str], str]:
    return {
        (tag["group"], tag["version"], tag["kind"]): name
        for name, definition in definitions().items()
        for tag in definition.get("x-kubernetes-group-version-kind", ())
    }


@functools.cache
def schema_of(group: str, version: str, kind: str) -> Schema:
    """The schema of a built-in kind.

    Raises:
        KeyError: the kind is not served.
    """
    name = _names()[group, version, kind]
    return Schema({"$ref": name}, definitions().__getitem__)


@functools.cache
def definition(name: str) -> Schema:
    """The schema of a definition by its name.

    Raises:
        KeyError: there is none.
    """
    return Schema({"$ref": name}, definitions().__getitem__)
