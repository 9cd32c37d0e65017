"""The store's contract, and the values that go through it.

A store knows nothing of Kubernetes' kinds: a key, a JSON object, a revision. It is used from one
event loop, so each call is atomic by construction. Stored objects are never mutated: whoever wants
to change one copies it first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

__all__ = ["ADDED", "DELETED", "MODIFIED", "Change", "Key", "Object", "Store", "Stored", "encode"]

Object = dict[str, Any]

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


def encode(value: object) -> bytes:
    """JSON as it goes over the wire."""
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


class Key(NamedTuple):
    """Where an object is kept.

    Attributes:
        resource: group resource, ``pods`` or ``deployments.apps``: all versions share it.
        namespace: empty for objects of the cluster.
        name: the object's name.
    """

    resource: str
    namespace: str
    name: str


@dataclass(slots=True, eq=False)
class Stored:
    """One version of one object, with what it costs to compute kept beside it.

    Attributes:
        key: where it is.
        revision: the store's revision that made it; also its ``metadata.resourceVersion``.
        value: the object; to be read only.
        views: other versions of the same object (served apiVersions), by who made them.
    """

    key: Key
    revision: int
    value: Object
    views: dict[Any, Stored] = field(default_factory=dict)
    _encoded: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """The object as JSON, encoded once however many readers and watchers it has."""
        if self._encoded is None:
            self._encoded = encode(self.value)
        return self._encoded


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the history.

    Attributes:
        revision: grows by one with each change.
        type: ADDED, MODIFIED or DELETED.
        now: the object after the change; of a deletion its last state, with the revision of the
            deletion.
        before: the object before it; None for ADDED.
    """

    revision: int
    type: str
    now: Stored
    before: Stored | None


class Store(Protocol):
    """Objects by key, one revision counter, and a bounded history per resource."""

    @property
    def revision(self) -> int:
        """The newest revision."""

    def get(self, key: Key) -> Stored | None:
        """The object at ``key`` now."""

    def list(self, resource: str, namespace: str = "") -> Sequence[Stored]:
        """All objects of ``resource``, of one namespace or of all (empty), in order of key."""

    def list_at(self, resource: str, namespace: str, revision: int) -> Sequence[Stored] | None:
        """The same as it was at ``revision``; None where history does not reach back so far."""

    def put(self, key: Key, value: Object) -> Stored:
        """Store ``value``, which the store owns from here on and stamps with its revision."""

    def delete(self, key: Key) -> Stored:
        """Remove the object; returns its last state, stamped with the deletion's revision.

        Raises:
            KeyError: there is none.
        """

    def resources(self) -> Sequence[str]:
        """The resources that have objects."""

    def first_revision(self, resource: str) -> int:
        """History holds every change of ``resource`` after this revision."""

    def changes(self, resource: str, after: int) -> Iterator[Change]:
        """History of ``resource``, or of all (empty), after revision ``after``, oldest first."""

    def subscribe(self, resource: str, notify: Callable[[], None]) -> Callable[[], None]:
        """Call ``notify`` after every change of ``resource``; returns what ends that."""

    def close(self) -> None:
        """Let go of files."""
