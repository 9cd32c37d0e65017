"""What is served: each resource as data. Built-in kinds come from files, custom ones from CRDs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spark_emulators.kubernetes.api.strategy import STRATEGIES, Strategy
from spark_emulators.kubernetes.schemas.builtin import resource_entries, schema_of
from spark_emulators.kubernetes.schemas.types import Schema

__all__ = ["Custom", "Registry", "Resource", "Subresource"]

# these are asked, not stored
_REVIEWS = frozenset(
    {"bindings", "tokenreviews", "selfsubjectreviews", "subjectaccessreviews",
     "localsubjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}
)  # fmt: skip


@dataclass(frozen=True)
class Subresource:
    """One path below an object.

    Attributes:
        name: such as ``status``.
        kind: what it takes and gives.
        group: the kind's group, where it is not the resource's.
        version: its version.
        verbs: what may be done.
    """

    name: str
    kind: str
    group: str
    version: str
    verbs: tuple[str, ...]


@dataclass(frozen=True)
class Custom:
    """What makes a version of a custom resource.

    Attributes:
        storage_version: the version objects are stored in.
        columns: ``additionalPrinterColumns``.
        scale: paths of the scale subresource; None without one.
        selectable: further paths of field selectors.
        definition: the CRD's name.
    """

    storage_version: str
    columns: tuple[Mapping[str, Any], ...] = ()
    scale: Mapping[str, str] | None = None
    selectable: tuple[str, ...] = ()
    definition: str = ""


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource in one version.

    Attributes:
        group: API group; empty is core.
        version: served version.
        plural: as in paths.
        singular: for discovery.
        kind: the objects' kind.
        namespaced: whether objects live in namespaces.
        verbs: what may be done.
        short_names: for kubectl.
        categories: for kubectl, such as ``all``.
        list_kind: the kind of lists.
        subresources: by name.
        load_schema: returns the kind's schema.
        strategy: the kind's own behaviour.
        custom: what a CRD says; None for built-in kinds.
        storage: group resource that shares the objects: two groups serve events.
    """

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    load_schema: Callable[[], Schema]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    list_kind: str = ""
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    strategy: Strategy = field(default_factory=Strategy)
    custom: Custom | None = None
    storage: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def schema(self) -> Schema:
        return self.load_schema()

    @property
    def stores(self) -> bool:
        """Whether there are objects: reviews are only asked."""
        return self.plural not in _REVIEWS or self.custom is not None


class Registry:
    """All served resources of one cluster.

    Attributes:
        changes: grows with every change, so that what is made of the registry can be cached.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str, str], Resource] = {}
        for resource in _built_in():
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Serve ``resource``, instead of what had its path."""
        self._by_path[resource.group, resource.version, resource.plural] = resource
        self._by_kind[resource.group, resource.version, resource.kind] = resource
        self.changes += 1

    def remove(self, group: str, plural: str) -> None:
        """Serve no version of a resource any more."""
        for key in [key for key in self._by_path if key[0] == group and key[2] == plural]:
            gone = self._by_path.pop(key)
            self._by_kind.pop((group, gone.version, gone.kind), None)
        self.changes += 1

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at a path."""
        return self._by_path.get((group, version, plural))

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource of objects with this apiVersion and kind."""
        group, _, version = api_version.rpartition("/")
        return self._by_kind.get((group, version, kind))

    def core(self, plural: str) -> Resource:
        """A resource of the core group, which is always there."""
        return self._by_path["", "v1", plural]

    def of_storage(self, storage: str) -> Resource | None:
        """A served version of a group resource."""
        for resource in self._by_path.values():
            if resource.storage == storage and resource.group_resource == storage:
                return resource
        return None

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._by_path.values()))

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, core first, in the order they are preferred."""
        found: dict[str, list[str]] = {}
        for group, version, _ in self._by_path:
            versions = found.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        for versions in found.values():
            versions.sort(key=_preference)
        return found


def _preference(version: str) -> tuple[int, int, int, str]:
    """Sorts v2, v1, v1beta1, v1alpha1, anything else."""
    import re

    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not match:
        return (3, 0, 0, version)
    stability = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (stability, -int(match[1]), -int(match[3] or 0), version)


def _built_in() -> Iterator[Resource]:
    entries = resource_entries()
    for entry in entries:
        if "/" in entry["name"]:
            continue
        group, _, version = entry["groupVersion"].rpartition("/")
        plural, kind = entry["name"], entry["kind"]
        storage = f"{plural}.{group}" if group else plural
        yield Resource(
            group=group,
            version=version,
            plural=plural,
            singular=entry["singularName"],
            kind=kind,
            namespaced=entry["namespaced"],
            verbs=tuple(entry["verbs"]),
            load_schema=_loader(group, version, kind),
            short_names=tuple(entry.get("shortNames", ())),
            categories=tuple(entry.get("categories", ())),
            list_kind=f"{kind}List",
            subresources=_subresources(entries, entry["groupVersion"], plural),
            strategy=STRATEGIES.get(storage) or Strategy(),
            storage="events" if storage == "events.events.k8s.io" else storage,
        )


def _loader(group: str, version: str, kind: str) -> Callable[[], Schema]:
    return lambda: schema_of(group, version, kind)


def _subresources(
    entries: list[dict[str, Any]], group_version: str, plural: str
) -> dict[str, Subresource]:
    group, _, version = group_version.rpartition("/")
    return {
        name: Subresource(
            name,
            entry["kind"],
            entry.get("group", group),
            entry.get("version", version),
            tuple(entry["verbs"]),
        )
        for entry in entries
        if entry["groupVersion"] == group_version
        for parent, _, name in [entry["name"].partition("/")]
        if parent == plural and name
    }
