"""The garbage collector: dependents go when all their owners are gone.

An owner is who its reference names *and* has the uid it says: a namesake is no owner. Owners of a
kind that is not served count as there, as nobody can tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from spark_emulators.kubernetes.api import deletion, writes
from spark_emulators.kubernetes.api.deletion import FOREGROUND, ORPHAN
from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import DeleteOptions, WriteOptions
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import DELETED, Change, Key, Object

__all__ = ["GarbageCollector"]

_MANAGER = WriteOptions(manager="kube-controller-manager")


class GarbageCollector:
    """See the module."""

    def __init__(self, cluster: Cluster) -> None:
        self._context = cluster.context
        self._dependents: dict[str, set[Key]] = defaultdict(set)
        self._owners: dict[Key, tuple[str, ...]] = {}
        self._check: dict[Key, None] = {}
        self._ending: dict[Key, None] = {}

    def observe(self, change: Change) -> None:
        metadata = change.now.value["metadata"]
        key = change.now.key
        references = metadata.get("ownerReferences") or ()
        owners = () if change.type == DELETED else tuple(each["uid"] for each in references)
        for uid in self._owners.pop(key, ()):
            self._dependents[uid].discard(key)
            if not self._dependents[uid]:
                del self._dependents[uid]
        for each in references:
            # whoever waits for this dependent may have waited long enough
            self._notice_owner(each, key.namespace)
        if owners:
            self._owners[key] = owners
            for uid in owners:
                self._dependents[uid].add(key)
            self._check[key] = None
        if change.type == DELETED:
            self._check.update(dict.fromkeys(self._dependents.get(metadata["uid"], ())))
        elif metadata.get("deletionTimestamp") and _holding(metadata):
            self._ending[key] = None

    def _notice_owner(self, reference: Mapping[str, Any], namespace: str) -> None:
        resource = self._context.registry.of_kind(reference["apiVersion"], reference["kind"])
        if resource is not None:
            self._ending[self._context.key(resource, namespace, reference["name"])] = None

    def work(self) -> None:
        ending, self._ending = self._ending, {}
        for key in ending:
            self._end(key)
        check, self._check = self._check, {}
        for key in check:
            self._collect(key)

    def _end(self, key: Key) -> None:
        """Go on with an owner that waits for its dependents."""
        value = self._value(key)
        if value is None or not value["metadata"].get("deletionTimestamp"):
            return
        finalizers = value["metadata"].get("finalizers") or []
        uid = value["metadata"]["uid"]
        dependents = sorted(self._dependents.get(uid, ()))
        if ORPHAN in finalizers:
            for each in dependents:
                self._release(each, {uid})
            self._drop_finalizer(key, ORPHAN)
        elif FOREGROUND in finalizers:
            self._check.update(dict.fromkeys(dependents))
            if not any(self._blocks(each, uid) for each in dependents):
                self._drop_finalizer(key, FOREGROUND)

    def _blocks(self, key: Key, uid: str) -> bool:
        value = self._value(key)
        references = (value["metadata"].get("ownerReferences") or ()) if value else ()
        return any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in references)

    def _collect(self, key: Key) -> None:
        """Delete a dependent nobody owns any more, or take dead owners from its list."""
        value = self._value(key)
        resource = self._resource(key)
        if value is None or resource is None:
            return
        solid, dangling, waiting = [], [], []
        for reference in value["metadata"].get("ownerReferences") or ():
            owner, known = self._owner(reference, key.namespace)
            if not known:
                solid.append(reference)
            elif owner is None:
                dangling.append(reference)
            elif _waits(owner):
                waiting.append(reference)
            else:
                solid.append(reference)
        if not dangling and not waiting:
            return
        if solid:
            self._release(key, {each["uid"] for each in (*dangling, *waiting)})
            return
        if value["metadata"].get("deletionTimestamp"):
            return
        # an owner that waits for its dependents waits for theirs as well
        deep = waiting and self._dependents.get(value["metadata"]["uid"])
        self._delete(resource, key, "Foreground" if deep else "", value["metadata"]["uid"])

    def _owner(self, reference: Mapping[str, Any], namespace: str) -> tuple[Object | None, bool]:
        """The owner, and whether its kind is served."""
        resource = self._context.registry.of_kind(reference["apiVersion"], reference["kind"])
        if resource is None:
            return None, False
        if resource.namespaced and not namespace:
            return None, True
        found = self._value(self._context.key(resource, namespace, reference["name"]))
        if found is None or found["metadata"]["uid"] != reference["uid"]:
            return None, True
        return found, True

    def _delete(self, resource: Resource, key: Key, policy: str, uid: str) -> None:
        try:
            options = DeleteOptions(policy=policy, uid=uid)
            deletion.delete(self._context, resource, key.namespace, key.name, options)
        except ApiError as error:
            if error.code not in (403, 404, 409):
                raise

    def _release(self, key: Key, uids: set[str]) -> None:
        def change(metadata: dict[str, Any]) -> None:
            left = [each for each in metadata["ownerReferences"] if each["uid"] not in uids]
            metadata["ownerReferences"] = left

        self._change(key, change)

    def _drop_finalizer(self, key: Key, finalizer: str) -> None:
        def change(metadata: dict[str, Any]) -> None:
            metadata["finalizers"] = [each for each in metadata["finalizers"] if each != finalizer]

        self._change(key, change)

    def _change(self, key: Key, change: Any) -> None:
        resource, stored = self._resource(key), self._context.store.get(key)
        if resource is None or stored is None:
            return
        old = self._context.view(stored, resource)
        value: Object = copy(old.value)
        change(value["metadata"])
        writes.save(self._context, resource, old, value, _MANAGER)

    def _value(self, key: Key) -> Object | None:
        stored = self._context.store.get(key)
        return stored.value if stored else None

    def _resource(self, key: Key) -> Resource | None:
        return self._context.registry.of_storage(key.resource)


def _holding(metadata: Mapping[str, Any]) -> bool:
    return bool({FOREGROUND, ORPHAN} & set(metadata.get("finalizers") or ()))


def _waits(owner: Object) -> bool:
    metadata = owner["metadata"]
    return bool(metadata.get("deletionTimestamp")) and FOREGROUND in (
        metadata.get("finalizers") or ()
    )
