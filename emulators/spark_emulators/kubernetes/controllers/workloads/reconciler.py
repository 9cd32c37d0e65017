"""What the controllers of workloads share: owners to look at, now or at a time; claims; writes.

A subclass says what to do for one owner. One that fails is looked at again after a while that
doubles, so that a refusal is no reason to hurry.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from spark_emulators.kubernetes.api.objects import copy, dig, owner_of
from spark_emulators.kubernetes.api.requests import DeleteOptions, WriteOptions
from spark_emulators.kubernetes.api.selectors import from_object, matches_labels
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.events import Recorder
from spark_emulators.kubernetes.store.store import DELETED, Change, Key, Object

__all__ = ["MANAGER", "Reconciler", "controller_reference", "with_condition"]

_LOG = logging.getLogger(__name__)
MANAGER = WriteOptions(manager="kube-controller-manager")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 30.0


def controller_reference(owner: Object) -> dict[str, Any]:
    """The reference by which ``owner`` controls what it makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


class Reconciler:
    """See the module.

    Args:
        cluster: where.
        owned: what the owners control.
        resource: the owners' storage, such as ``jobs.batch``.
        kind: the owners' kind.
        component: who events are by.
    """

    def __init__(
        self, cluster: Cluster, owned: Owned, resource: str, kind: str, component: str
    ) -> None:
        self._cluster = cluster
        self._context = cluster.context
        self._store = cluster.context.store
        self._owned = owned
        self._resource = resource
        self._kind = kind
        self._recorder = Recorder(cluster, component)
        self._noted: dict[Key, None] = {}
        self._due: dict[Key, float] = {}
        self._failures: Counter[Key] = Counter()

    def reconcile(self, owner: Object) -> None:
        """Bring one owner nearer to what its spec says."""
        raise NotImplementedError

    def observe(self, change: Change) -> None:
        key = change.now.key
        if key.resource == self._resource:
            self._noted[key] = None
        elif key.resource == self._owned.resource:
            self._observe_owned(change)

    def _observe_owned(self, change: Change) -> None:
        now, before = change.now.value, change.before.value if change.before else None
        self._note_owner(now)
        if before is not None and owner_of(before) != owner_of(now):
            self._note_owner(before)
        if owner_of(now) is None and (
            change.type != DELETED
            and (before is None or owner_of(before) or _labels(before) != _labels(now))
        ):
            self._note_adopters(now)

    def _note_owner(self, value: Object) -> None:
        owner = owner_of(value)
        if owner is not None and owner["kind"] == self._kind:
            self._noted[Key(self._resource, value["metadata"]["namespace"], owner["name"])] = None

    def _note_adopters(self, value: Object) -> None:
        for each in self._store.list(self._resource, value["metadata"]["namespace"]):
            if _selects(each.value, value):
                self._noted[each.key] = None

    def next_due(self) -> float | None:
        """When the first owner has to be looked at without a change."""
        return min(self._due.values(), default=None)

    def later(self, owner: Object, at: float) -> None:
        """Look at ``owner`` at ``at``, or before if that was asked for."""
        metadata = owner["metadata"]
        key = Key(self._resource, metadata["namespace"], metadata["name"])
        self._due[key] = min(at, self._due.get(key, at))

    def work(self) -> None:
        now = self._context.now()
        for key in [key for key, at in self._due.items() if at <= now]:
            self._noted[key] = None
        noted, self._noted = self._noted, {}
        for key in noted:
            self._due.pop(key, None)
            self._look(key)

    def _look(self, key: Key) -> None:
        stored = self._store.get(key)
        if stored is None or self._namespace_ends(key.namespace):
            self._failures.pop(key, None)
            return
        try:
            self.reconcile(stored.value)
        except Exception as error:
            self._failures[key] += 1
            if not isinstance(error, ApiError) or error.code not in (403, 404, 409, 422):
                _LOG.exception("%s", key)
            self.later(stored.value, self._context.now() + self._wait_s(key))
        else:
            self._failures.pop(key, None)

    def _wait_s(self, key: Key) -> float:
        return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(self._failures[key] - 1, 16))

    def _namespace_ends(self, namespace: str) -> bool:
        value = self._context.find("namespaces", "", namespace)
        return value is None or "deletionTimestamp" in value["metadata"]

    def claim(self, owner: Object) -> list[Object]:
        """What ``owner`` controls, after taking what it selects and letting go what it does not."""
        namespace, uid = owner["metadata"]["namespace"], owner["metadata"]["uid"]
        found = []
        for each in self._owned.of(uid):
            if _selects(owner, each) or "deletionTimestamp" in owner["metadata"]:
                found.append(each)
            else:
                self._release(owner, each)
        if "deletionTimestamp" in owner["metadata"]:
            return found
        for each in self._owned.orphans(namespace):
            if "deletionTimestamp" not in each["metadata"] and self.adopts(owner, each):
                found.append(self._adopt(owner, each))
        return found

    def adopts(self, owner: Object, orphan: Object) -> bool:
        """Whether ``owner`` takes an object that nobody controls."""
        return _selects(owner, orphan)

    def _release(self, owner: Object, value: Object) -> None:
        references = value["metadata"]["ownerReferences"]
        left = [each for each in references if each["uid"] != owner["metadata"]["uid"]]
        self.change(value, {"metadata": {"ownerReferences": left or None}})

    def _adopt(self, owner: Object, value: Object) -> Object:
        references = value["metadata"].get("ownerReferences") or []
        wanted = [*references, controller_reference(owner)]
        return self.change(value, {"metadata": {"ownerReferences": wanted}})

    def change(self, value: Object, body: Mapping[str, Any]) -> Object:
        """Merge ``body`` into an object."""
        metadata = value["metadata"]
        return self._cluster.patch(
            value["apiVersion"], value["kind"], metadata["namespace"], metadata["name"],
            dict(body), MANAGER,
        )  # fmt: skip

    def set_status(self, value: Object, status: Mapping[str, Any]) -> None:
        """Write an owner's status, unless it is that already."""
        if value.get("status") == status:
            return
        metadata = value["metadata"]
        newest = self._store.get(Key(self._resource, metadata["namespace"], metadata["name"]))
        if newest is None:
            return
        changed: Object = copy(newest.value)
        changed["status"] = dict(status)
        self._cluster.update(changed, MANAGER, subresource="status")

    def remove(self, value: Object, grace_s: int | None = None) -> None:
        """Delete an object, this very one."""
        metadata = value["metadata"]
        options = DeleteOptions(uid=metadata["uid"], policy="Background", grace_s=grace_s)
        try:
            self._cluster.delete(
                value["apiVersion"], value["kind"], metadata["namespace"], metadata["name"], options
            )
        except ApiError as error:
            if error.code not in (404, 409):
                raise


def _labels(value: Object) -> Mapping[str, str]:
    return value["metadata"].get("labels") or {}


def _selects(owner: Object, value: Object) -> bool:
    selector = dig(owner, "spec", "selector")
    return bool(selector) and matches_labels(from_object(selector), _labels(value))


def with_condition(
    conditions: Iterable[Mapping[str, Any]], kind: str, status: str, reason: str, message: str,
    now: str, **more: Any,
) -> list[dict[str, Any]]:  # fmt: skip
    """``conditions`` with one of them set; its time of transition moves with its status only."""
    known = next((each for each in conditions if each["type"] == kind), None)
    same = known is not None and known["status"] == status
    changed = {
        "type": kind,
        "status": status,
        **more,
        "lastTransitionTime": known["lastTransitionTime"] if known and same else now,
        "reason": reason,
        "message": message,
    }
    return [*(dict(each) for each in conditions if each["type"] != kind), changed]
