"""Keeps a copy of a collection: lists it, follows its changes, and lists anew when it must."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection

from spark_platform.kernel.errors import PlatformError, Transient
from spark_platform.kernel.kubernetes.client import Kubernetes, Watch
from spark_platform.kernel.kubernetes.errors import Expired
from spark_platform.kernel.kubernetes.resources import Key, Object, Resource, key_of, version_of

__all__ = ["Changed", "Reflector"]

_LOG = logging.getLogger(__name__)
_BACKOFF_S, _MOST_BACKOFF_S = 0.1, 30.0
_MOST_GONE = 1000

# what it was (None: not there) and what it is (None: gone)
Changed = Callable[[Object | None, Object | None], None]


class Reflector:
    """A copy of the objects of a collection, at most as late as the API server's news.

    Args:
        kubernetes: whose API.
        resource: the collection.
        changed: told of each change, from one thread; what it raises is logged.
        namespace: only of that; empty for all.
        labels: only what a selector means.
        kept: what is kept of an object: all of it, unless told.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        resource: Resource,
        changed: Changed,
        *,
        namespace: str = "",
        labels: str = "",
        kept: Callable[[Object], Object] = lambda found: found,
    ) -> None:
        self._kubernetes, self._resource, self._kept = kubernetes, resource, kept
        self._changed, self._namespace, self._labels = changed, namespace, labels
        self._objects: dict[Key, Object] = {}
        # the version at which each of the last that went did so
        self._gone: OrderedDict[Key, int] = OrderedDict()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watch: Watch | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"reflector of {resource.plural}", daemon=True
        )
        self.synced = threading.Event()

    def start(self) -> None:
        """Begin; ``synced`` is set as soon as everything there is known."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread."""
        self._stopped.set()
        with self._lock:
            watch = self._watch
        if watch is not None:
            watch.stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def get(self, key: Key) -> Object | None:
        """One object, if it is there."""
        with self._lock:
            return self._objects.get(key)

    def all(self) -> Collection[Object]:
        """Every object there is."""
        with self._lock:
            return list(self._objects.values())

    def assume(self, found: Object) -> None:
        """Know what a write of one's own made of an object, before the news of it comes."""
        self._put(found)

    def _run(self) -> None:
        backoff_s = _BACKOFF_S
        version = ""
        while not self._stopped.is_set():
            try:
                if not version:
                    version = self._list()
                    self.synced.set()
                version = self._follow(version)
                backoff_s = _BACKOFF_S
                continue
            except Expired:
                version = ""
                continue
            except PlatformError as error:
                asked_s = error.retry_after_s if isinstance(error, Transient) else None
                _LOG.info("%s: %s; again in %g s", self._resource.plural, error.message, backoff_s)
            except Exception:
                _LOG.exception("the reflector of %s starts anew", self._resource.plural)
                asked_s, version = None, ""
            self._stopped.wait(asked_s if asked_s is not None else backoff_s)
            backoff_s = min(backoff_s * 2, _MOST_BACKOFF_S)

    def _list(self) -> str:
        found, version = self._kubernetes.list(self._resource, self._namespace, self._labels)
        there = {key_of(each) for each in found}
        for each in found:
            self._put(each)
        with self._lock:
            gone = [
                key
                for key, known in self._objects.items()
                # what is newer than the list was made here since
                if key not in there and version_of(known) <= int(version)
            ]
        for key in gone:
            self._drop(key, None)
        return version

    def _follow(self, version: str) -> str:
        """Take in changes until the stream ends; returns the version reached."""
        watch = self._kubernetes.watch(self._resource, self._namespace, self._labels, version)
        with self._lock:
            self._watch = watch
        if self._stopped.is_set():
            watch.stop()
        try:
            for kind, found in watch:
                if kind == "DELETED":
                    self._drop(key_of(found), found)
                elif kind != "BOOKMARK":
                    self._put(found)
                version = found["metadata"]["resourceVersion"]
        except Expired:
            raise
        except Transient as error:
            _LOG.info("%s", error.message)
        return version

    def _put(self, found: Object) -> None:
        key, found = key_of(found), self._kept(found)
        with self._lock:
            known = self._objects.get(key)
            newest = version_of(known) if known is not None else self._gone.get(key, -1)
            if newest >= version_of(found):
                return
            self._objects[key] = found
        self._tell(known, found)

    def _drop(self, key: Key, last: Object | None) -> None:
        with self._lock:
            known = self._objects.get(key)
            if known is None or (last is not None and version_of(known) > version_of(last)):
                return
            del self._objects[key]
            self._gone[key] = version_of(last or known)
            if len(self._gone) > _MOST_GONE:
                self._gone.popitem(last=False)
        # its last state is the one in which it went
        self._tell(last or known, None)

    def _tell(self, before: Object | None, now: Object | None) -> None:
        try:
            self._changed(before, now)
        except Exception:
            _LOG.exception("what follows %s failed", self._resource.plural)
