"""The store in memory. History is one list per resource, which watchers read by position."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from spark_emulators.kubernetes.store.store import (
    ADDED,
    DELETED,
    MODIFIED,
    Change,
    Key,
    Object,
    Stored,
)

__all__ = ["MemoryStore"]

_BY_REVISION = attrgetter("revision")


class _Resource:
    """All of one resource: its objects, its history, its listeners."""

    __slots__ = ("first_revision", "history", "listeners", "objects", "ordered")

    def __init__(self, first_revision: int) -> None:
        self.objects: dict[tuple[str, str], Stored] = {}
        self.ordered: list[tuple[str, str]] | None = []
        self.history: list[Change] = []
        self.first_revision = first_revision
        self.listeners: set[Callable[[], None]] = set()


class MemoryStore:
    """Keeps everything in dictionaries.

    Args:
        window: how many changes of one resource are remembered at least.
        revision: where the counter starts.
    """

    def __init__(self, *, window: int = 10_000, revision: int = 1) -> None:
        self._window = window
        self._revision = revision
        self._start = revision
        # the nameless one remembers the changes of all
        self._resources: dict[str, _Resource] = {"": _Resource(0)}

    @property
    def revision(self) -> int:
        return self._revision

    def get(self, key: Key) -> Stored | None:
        resource = self._resources.get(key.resource)
        return resource.objects.get((key.namespace, key.name)) if resource else None

    def list(self, resource: str, namespace: str = "") -> Sequence[Stored]:
        found = self._resources.get(resource)
        if found is None:
            return []
        if found.ordered is None:
            found.ordered = sorted(found.objects)
        if not namespace:
            return [found.objects[each] for each in found.ordered]
        start = bisect_right(found.ordered, (namespace, ""))
        listed = []
        for each in found.ordered[start:]:
            if each[0] != namespace:
                break
            listed.append(found.objects[each])
        return listed

    def list_at(self, resource: str, namespace: str, revision: int) -> Sequence[Stored] | None:
        found = self._resources.get(resource)
        if found is None:
            return []
        newest = found.history[-1].revision if found.history else found.first_revision
        if newest <= revision:
            return self.list(resource, namespace)
        if revision < found.first_revision:
            return None
        then: dict[tuple[str, str], Stored] = dict(found.objects)
        for change in reversed(found.history):
            if change.revision <= revision:
                break
            place = (change.now.key.namespace, change.now.key.name)
            if change.before is None:
                then.pop(place, None)
            else:
                then[place] = change.before
        return [then[each] for each in sorted(then) if not namespace or each[0] == namespace]

    def put(self, key: Key, value: Object) -> Stored:
        resource = self._of(key.resource)
        place = (key.namespace, key.name)
        before = resource.objects.get(place)
        self._revision += 1
        value["metadata"]["resourceVersion"] = str(self._revision)
        now = Stored(key, self._revision, value)
        resource.objects[place] = now
        if before is None:
            resource.ordered = None
        self._record(resource, Change(self._revision, MODIFIED if before else ADDED, now, before))
        return now

    def delete(self, key: Key) -> Stored:
        resource = self._of(key.resource)
        before = resource.objects.pop((key.namespace, key.name))
        resource.ordered = None
        self._revision += 1
        metadata = {**before.value["metadata"], "resourceVersion": str(self._revision)}
        now = Stored(key, self._revision, {**before.value, "metadata": metadata})
        self._record(resource, Change(self._revision, DELETED, now, before))
        return now

    def first_revision(self, resource: str) -> int:
        return self._of(resource).first_revision

    def changes(self, resource: str, after: int) -> Iterator[Change]:
        history = self._of(resource).history
        # a reader is nearly always at the end, so this is one comparison for most
        if not history or history[-1].revision <= after:
            return iter(())
        return iter(history[bisect_right(history, after, key=_BY_REVISION) :])

    def subscribe(self, resource: str, notify: Callable[[], None]) -> Callable[[], None]:
        listeners = self._of(resource).listeners
        listeners.add(notify)
        return lambda: listeners.discard(notify)

    def compact(self) -> None:
        """Forget all history, as the real server does every few minutes."""
        for resource in self._resources.values():
            if resource.history:
                resource.first_revision = resource.history[-1].revision
                resource.history = []

    def close(self) -> None:
        self._resources.clear()

    def load(
        self, resource: str, objects: Sequence[Stored], history: Sequence[Change], first: int
    ) -> None:
        """Take over what another run had stored."""
        mine = self._of(resource)
        mine.objects = {(each.key.namespace, each.key.name): each for each in objects}
        mine.ordered = None
        mine.history = [*history]
        mine.first_revision = first

    def resume(self, revision: int) -> None:
        """Go on counting from ``revision``."""
        self._revision = self._start = revision

    def _of(self, resource: str) -> _Resource:
        found = self._resources.get(resource)
        if found is None:
            found = self._resources[resource] = _Resource(0)
        return found

    def resources(self) -> Sequence[str]:
        return [name for name, found in self._resources.items() if found.objects]

    def _record(self, resource: _Resource, change: Change) -> None:
        self._remember(resource, change)
        self._remember(self._resources[""], change)

    def _remember(self, resource: _Resource, change: Change) -> None:
        history = resource.history
        history.append(change)
        if len(history) > 2 * self._window:
            resource.first_revision = history[-self._window - 1].revision
            # a new list: readers may be iterating over a slice of the old one
            resource.history = history[-self._window :]
        for notify in tuple(resource.listeners):
            notify()
