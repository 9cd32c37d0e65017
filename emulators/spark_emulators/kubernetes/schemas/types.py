"""Schemas as the server uses them: resolved step by step, only where an object goes.

One class serves built-in kinds (from the data file) and custom kinds (from a CRD's structural
schema), so patches, apply, pruning and validation know no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

__all__ = ["ANY", "Schema"]

REF = "#/components/schemas/"
Resolver = Callable[[str], Mapping[str, Any]]


def _nothing(name: str) -> Mapping[str, Any]:
    raise KeyError(name)


class Schema:
    """One node of a schema.

    Args:
        raw: the OpenAPI node.
        resolve: finds a referred definition by its name.
        custom: a custom kind's: rules of structural schemas hold.
    """

    def __init__(
        self, raw: Mapping[str, Any], resolve: Resolver = _nothing, *, custom: bool = False
    ) -> None:
        merged = dict(raw)
        reference = merged.pop("$ref", None)
        if reference is None and len(merged.get("allOf", ())) == 1 and "$ref" in raw["allOf"][0]:
            reference = merged.pop("allOf")[0]["$ref"]
        self.name: str = reference.removeprefix(REF) if reference else ""
        if reference:
            # what the field says of its type wins over what the type says of itself
            merged = {**resolve(self.name), **merged}
        self.raw: Mapping[str, Any] = merged
        self.custom = custom
        self._resolve = resolve

    @cached_property
    def type(self) -> str:
        """object, array, string, integer, number, boolean, int-or-string, quantity or any."""
        if self.raw.get("x-kubernetes-int-or-string") or (
            self.raw.get("format") == "int-or-string"
        ):
            return "int-or-string"
        if self.name.endswith("api.resource.Quantity"):
            return "quantity"
        if self.name.endswith(("FieldsV1", "RawExtension", ".JSON")):
            return "any"
        if "type" in self.raw:
            return str(self.raw["type"])
        if "properties" in self.raw or "additionalProperties" in self.raw:
            return "object"
        return "any"

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.raw.get("properties") or {}
        return found

    @cached_property
    def _fields(self) -> dict[str, Schema]:
        return {}

    def field(self, name: str) -> Schema | None:
        """The schema of one field of an object; None where there is no such field."""
        found = self._fields.get(name)
        if found is None:
            raw = self.properties.get(name)
            if raw is None:
                return self.additional
            found = self._fields[name] = Schema(raw, self._resolve, custom=self.custom)
        return found

    @cached_property
    def additional(self) -> Schema | None:
        """The schema of a map's values; None for an object of named fields."""
        raw = self.raw.get("additionalProperties")
        if raw is True or (raw is None and self.preserves_unknown):
            return ANY
        if isinstance(raw, Mapping):
            return Schema(raw, self._resolve, custom=self.custom)
        if self.type == "object" and not self.properties and not self.custom:
            return ANY
        return None

    @cached_property
    def items(self) -> Schema:
        """The schema of a list's elements."""
        raw = self.raw.get("items")
        return Schema(raw, self._resolve, custom=self.custom) if raw else ANY

    @cached_property
    def preserves_unknown(self) -> bool:
        return bool(self.raw.get("x-kubernetes-preserve-unknown-fields"))

    @cached_property
    def embedded(self) -> bool:
        """Whether this holds a whole object, with apiVersion, kind and metadata."""
        return bool(self.raw.get("x-kubernetes-embedded-resource"))

    @cached_property
    def list_type(self) -> str:
        """How apply merges a list: ``map``, ``set`` or ``atomic``."""
        return str(self.raw.get("x-kubernetes-list-type", "atomic"))

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        """What tells elements of a ``map`` list apart."""
        return tuple(self.raw.get("x-kubernetes-list-map-keys", ()))

    @cached_property
    def atomic(self) -> bool:
        """Whether apply treats an object or list as one value."""
        if self.type == "array":
            return self.list_type == "atomic"
        if self.type == "object":
            return bool(self.raw.get("x-kubernetes-map-type") == "atomic")
        return self.type != "any"

    @cached_property
    def merge_key(self) -> str:
        """What a strategic merge tells elements apart by; empty for lists it replaces."""
        return str(self.raw.get("x-kubernetes-patch-merge-key", ""))

    @cached_property
    def strategies(self) -> frozenset[str]:
        """How a strategic merge treats the field: ``merge``, ``retainKeys``."""
        return frozenset(
            each for each in self.raw.get("x-kubernetes-patch-strategy", "").split(",") if each
        )

    @cached_property
    def nullable(self) -> bool:
        return bool(self.raw.get("nullable"))

    @cached_property
    def required(self) -> tuple[str, ...]:
        return tuple(self.raw.get("required") or ())

    @property
    def default(self) -> Any:
        """What an absent field becomes; None for nothing."""
        return self.raw.get("default")


ANY = Schema({})
"""What nothing is known of: everything is allowed and kept."""
