"""Which collection of the API is meant, and what every object has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Key", "Object", "Resource", "key_of", "version_of"]

# As the API sends it. Nobody changes one in place: caches share them.
Object = Mapping[str, Any]
# namespace (empty for what has none) and name
Key = tuple[str, str]


@dataclass(frozen=True)
class Resource:
    """A collection of the API.

    Attributes:
        group_version: ``v1``, ``apps/v1``, ``spark.apache.org/v1``.
        plural: as paths have it: ``pods``.
    """

    group_version: str
    plural: str

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of the collection, of one object, or of a part of it."""
        root = "/apis" if "/" in self.group_version else "/api"
        space = f"namespaces/{namespace}" if namespace else ""
        parts = (root, self.group_version, space, self.plural, name, subresource)
        return "/".join(part for part in parts if part)


def key_of(found: Object) -> Key:
    """Namespace and name of an object."""
    metadata = found["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def version_of(found: Object) -> int:
    """An object's resource version, as a number that grows.

    Clients may compare them so: https://kubernetes.io/docs/reference/using-api/api-concepts
    (resource versions).
    """
    return int(found["metadata"]["resourceVersion"])
