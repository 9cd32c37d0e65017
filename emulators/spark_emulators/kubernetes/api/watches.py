"""Watches: a cursor on the store's history, drained by whoever serves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.filters import predicate
from spark_emulators.kubernetes.api.lists import parse_revision
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WatchOptions
from spark_emulators.kubernetes.errors import ApiError, Cause, expired, invalid
from spark_emulators.kubernetes.store.store import (
    ADDED,
    DELETED,
    MODIFIED,
    Change,
    Object,
    Stored,
)

__all__ = ["BOOKMARK", "Event", "Watch"]

BOOKMARK = "BOOKMARK"
INITIAL_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Event:
    """What a watcher sees.

    Attributes:
        type: ADDED, MODIFIED, DELETED or BOOKMARK.
        stored: the object; of a BOOKMARK None.
        revision: the version the watcher has now seen.
        ends_initial: a BOOKMARK that says all objects were sent.
    """

    type: str
    stored: Stored | None
    revision: int
    ends_initial: bool = False


class Watch:
    """One watcher's place in a resource's history.

    ``drain`` gives what happened since the last time and never waits; ``subscribe`` says when to
    drain again.

    Args:
        namespace: empty for all namespaces.

    Raises:
        ApiError: 400 and 422 for options that make no sense.
    """

    def __init__(
        self, context: Context, resource: Resource, namespace: str, options: WatchOptions
    ) -> None:
        _check(options)
        self.resource = resource
        self._context = context
        self._namespace = namespace
        self._selects = predicate(resource, options.labels, options.fields)
        self._options = options
        asked = parse_revision(options.revision)
        self._listing = options.initial is True or (options.initial is None and asked == 0)
        self._cursor = asked

    def subscribe(self, notify: Callable[[], None]) -> Callable[[], None]:
        """Call ``notify`` whenever there may be something to drain; returns what ends that."""
        return self._context.store.subscribe(self.resource.storage, notify)

    def drain(self) -> list[Event]:
        """Everything new, in order.

        Raises:
            ApiError: 410 when history no longer reaches back to this watcher.
        """
        store = self._context.store
        found: list[Event] = []
        if self._listing:
            self._listing = False
            found += self._initial()
        oldest = store.first_revision(self.resource.storage)
        if self._cursor < oldest:
            raise expired(f"too old resource version: {self._cursor} ({oldest})")
        for change in store.changes(self.resource.storage, self._cursor):
            event = self._seen(change)
            if event is not None:
                found.append(event)
            self._cursor = change.revision
        # nothing of this resource happened up to here, so a bookmark may say so
        self._cursor = max(self._cursor, store.revision)
        return found

    def bookmark(self) -> Event:
        """Where this watcher is."""
        return Event(BOOKMARK, None, self._cursor)

    def _initial(self) -> list[Event]:
        store = self._context.store
        self._cursor = store.revision
        events = []
        for each in store.list(self.resource.storage, self._namespace):
            stored = self._context.view(each, self.resource)
            if self._selects is None or self._selects(stored.value):
                events.append(Event(ADDED, stored, stored.revision))
        if self._options.initial and self._options.bookmarks:
            events.append(Event(BOOKMARK, None, self._cursor, ends_initial=True))
        return events

    def _seen(self, change: Change) -> Event | None:
        if self._namespace and change.now.key.namespace != self._namespace:
            return None
        now = self._context.view(change.now, self.resource)
        if self._selects is None:
            return Event(change.type, now, change.revision)
        was = change.before is not None and self._matches(change.before)
        is_now = change.type != DELETED and self._selects(now.value)
        if is_now:
            return Event(MODIFIED if was else ADDED, now, change.revision)
        if was:
            assert change.before is not None
            return Event(DELETED, self._gone(change), change.revision)
        return None

    def _matches(self, stored: Stored) -> bool:
        assert self._selects is not None
        return self._selects(self._context.view(stored, self.resource).value)

    def _gone(self, change: Change) -> Stored:
        """The state that was last selected, with the revision it went at."""
        assert change.before is not None
        before = self._context.view(change.before, self.resource)
        metadata = {**before.value["metadata"], "resourceVersion": str(change.revision)}
        value: Object = {**before.value, "metadata": metadata}
        return Stored(before.key, change.revision, value)


def _check(options: WatchOptions) -> None:
    causes = []
    if options.initial is not None:
        if options.match != "NotOlderThan":
            causes.append(
                Cause.forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )
            )
    elif options.match:
        causes.append(
            Cause.forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
        )
    if causes:
        raise invalid("meta.k8s.io", "ListOptions", "", causes)


def refused(error: ApiError) -> bool:
    """Whether an error ends a watch before it began, so that it is answered with its own code."""
    return error.code != 410
