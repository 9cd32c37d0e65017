"""Who owns what: the objects of one resource by the uid of their controller.

Shared by the controllers, and observed before them, so that each finds its own without a search.
"""

from __future__ import annotations

from collections import defaultdict

from spark_emulators.kubernetes.api.objects import owner_of
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.store.store import DELETED, Change, Key, Object

__all__ = ["Owned"]


class Owned:
    """See the module.

    Args:
        cluster: whose objects.
        resource: which, such as ``pods``.
    """

    def __init__(self, cluster: Cluster, resource: str) -> None:
        self.resource = resource
        self._store = cluster.context.store
        self._by_owner: dict[str, dict[Key, None]] = defaultdict(dict)
        self._orphans: dict[str, dict[Key, None]] = defaultdict(dict)
        self._owner: dict[Key, str] = {}

    def observe(self, change: Change) -> None:
        key = change.now.key
        if key.resource != self.resource:
            return
        owner = owner_of(change.now.value)
        uid = None if change.type == DELETED else owner["uid"] if owner else ""
        if self._owner.get(key) == uid:
            return
        self._forget(key)
        if uid is not None:
            self._owner[key] = uid
            self._shelf(key, uid)[key] = None

    def work(self) -> None:
        """Nothing: it only knows."""

    def _shelf(self, key: Key, uid: str) -> dict[Key, None]:
        return self._by_owner[uid] if uid else self._orphans[key.namespace]

    def _forget(self, key: Key) -> None:
        uid = self._owner.pop(key, None)
        if uid is None:
            return
        shelf = self._shelf(key, uid)
        shelf.pop(key, None)
        if not shelf:
            (self._by_owner if uid else self._orphans).pop(uid or key.namespace)

    def of(self, uid: str) -> list[Object]:
        """What an owner controls, in the order it was made."""
        return self._values(self._by_owner.get(uid, {}))

    def orphans(self, namespace: str) -> list[Object]:
        """What nobody controls."""
        return self._values(self._orphans.get(namespace, {}))

    def _values(self, keys: dict[Key, None]) -> list[Object]:
        return [stored.value for key in keys if (stored := self._store.get(key)) is not None]
