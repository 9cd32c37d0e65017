"""What every verb works on: one cluster's store, registry, clock and admission."""

from __future__ import annotations

import ipaddress
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spark_emulators.kubernetes.api.objects import timestamp
from spark_emulators.kubernetes.api.registry import Registry, Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.store.store import Key, Object, Store, Stored

if TYPE_CHECKING:
    from spark_emulators.kubernetes.schemas.types import Schema

__all__ = ["Admission", "Context"]

Mutate = Callable[["Context", Resource, Object, "Object | None", WriteOptions], None]


@dataclass
class Admission:
    """Plugins in the order they run: ``mutate`` before an object is validated, ``check`` after."""

    mutate: list[Mutate] = field(default_factory=list)
    check: list[Mutate] = field(default_factory=list)


@dataclass
class Context:
    """One cluster.

    Attributes:
        store: the objects.
        registry: what is served.
        admission: the cluster's policies.
        now: seconds since the epoch; tests turn it.
        service_network: where services get their addresses.
    """

    store: Store
    registry: Registry = field(default_factory=Registry)
    admission: Admission = field(default_factory=Admission)
    now: Callable[[], float] = time.time
    service_network: ipaddress.IPv4Network = field(
        default_factory=lambda: ipaddress.IPv4Network("10.96.0.0/16")
    )

    def timestamp(self) -> str:
        """Now, as objects write it."""
        return timestamp(self.now())

    @staticmethod
    def new_uid() -> str:
        """An identity never used before."""
        return str(uuid.uuid4())

    def key(self, resource: Resource, namespace: str, name: str) -> Key:
        """Where an object of ``resource`` is kept."""
        return Key(resource.storage, namespace if resource.namespaced else "", name)

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        """An object of the core group, for the server's own use."""
        stored = self.store.get(Key(plural, namespace, name))
        return stored.value if stored else None

    def view(self, stored: Stored, resource: Resource) -> Stored:
        """A stored object as ``resource`` serves it: its version, its defaults."""
        from spark_emulators.kubernetes.api.conversion import view

        return view(stored, resource)

    def schema(self, resource: Resource) -> Schema:
        return resource.schema
