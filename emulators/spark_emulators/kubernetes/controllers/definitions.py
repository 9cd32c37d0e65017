"""Custom resource definitions: accepts names, serves them, and cleans up after them."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api import deletion, writes
from spark_emulators.kubernetes.api.crds.definitions import CLEANUP, GROUP_RESOURCE, resources_of
from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.api.requests import DeleteOptions, WriteOptions
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import DELETED, Change, Key, Object, Stored

__all__ = ["DefinitionController"]

_MANAGER = WriteOptions(manager="kube-apiserver")


class DefinitionController:
    """See the module."""

    def __init__(self, cluster: Cluster) -> None:
        self._context = cluster.context
        self._check: dict[str, None] = {}
        self._served: dict[str, str] = {}

    def observe(self, change: Change) -> None:
        key = change.now.key
        if key.resource == GROUP_RESOURCE:
            self._check[key.name] = None
            if change.type == DELETED:
                spec = change.now.value["spec"]
                self._context.registry.remove(spec["group"], spec["names"]["plural"])
                self._served.pop(key.name, None)
            return
        # the last object of a definition that is going
        if change.type == DELETED and key.resource in self._served:
            self._check[key.resource] = None

    def work(self) -> None:
        check, self._check = self._check, {}
        for name in check:
            stored = self._context.store.get(Key(GROUP_RESOURCE, "", name))
            if stored is None:
                continue
            if stored.value["metadata"].get("deletionTimestamp"):
                self._clean_up(stored)
            else:
                self._establish(stored)

    def _establish(self, stored: Stored) -> None:
        value = stored.value
        clash = self._clash(value)
        status = _status(value, clash, self._context.timestamp())
        if status != value.get("status"):
            stored = self._save(stored, {**copy(value), "status": status}, "status")
        version = str(stored.value["metadata"].get("generation"))
        if clash or self._served.get(stored.key.name) == version:
            return
        spec = value["spec"]
        self._context.registry.remove(spec["group"], spec["names"]["plural"])
        for resource in resources_of(stored.value):
            self._context.registry.add(resource)
        self._served[stored.key.name] = version

    def _clash(self, value: Object) -> str:
        """Why the names cannot be accepted; empty where they can."""
        spec, names = value["spec"], value["spec"]["names"]
        for resource in self._context.registry:
            if resource.group != spec["group"]:
                continue
            if resource.plural != names["plural"] and resource.kind == names["kind"]:
                return f'"{names["kind"]}" is already in use'
        return ""

    def _clean_up(self, stored: Stored) -> None:
        """Delete the objects, then let the definition go."""
        value, name = stored.value, stored.key.name
        left = self._context.store.list(name)
        resource = self._context.registry.of_storage(name)
        for each in left:
            if resource is None or each.value["metadata"].get("deletionTimestamp"):
                continue
            try:
                deletion.delete(
                    self._context, resource, each.key.namespace, each.key.name, DeleteOptions()
                )
            except ApiError as error:
                if error.code != 404:
                    raise
        if self._context.store.list(name):
            return
        stored_now = self._context.store.get(stored.key)
        if stored_now is None:
            return
        changed: Object = copy(value)
        finalizers = changed["metadata"].get("finalizers") or []
        changed["metadata"]["finalizers"] = [each for each in finalizers if each != CLEANUP]
        self._save(stored_now, changed, "")

    def _save(self, stored: Stored, value: Object, subresource: str) -> Stored:
        resource = self._context.registry.of_storage(GROUP_RESOURCE)
        assert resource is not None
        value["metadata"]["resourceVersion"] = stored.value["metadata"]["resourceVersion"]
        return writes.save(self._context, resource, stored, value, _MANAGER, subresource)


def _status(value: Object, clash: str, now: str) -> dict[str, Any]:
    names = value["spec"]["names"]
    before = {each["type"]: each for each in (value.get("status") or {}).get("conditions") or ()}
    holds = "False" if clash else "True"
    wanted = [("NamesAccepted", holds, "NoConflicts", "no conflicts found")]
    wanted += [
        ("Established", holds, "InitialNamesAccepted", "the initial names have been accepted")
    ]
    if clash:
        wanted = [("NamesAccepted", holds, "KindConflict", clash)]
        wanted += [("Established", holds, "NotAccepted", "not all names are accepted")]
    conditions = []
    for kind, status, reason, message in wanted:
        old = before.get(kind)
        if old and old["status"] == status:
            conditions.append(old)
            continue
        conditions.append(
            {
                "lastTransitionTime": now,
                "message": message,
                "observedGeneration": value["metadata"].get("generation", 1),
                "reason": reason,
                "status": status,
                "type": kind,
            }
        )
    stored = list((value.get("status") or {}).get("storedVersions") or [])
    storage = next(each["name"] for each in value["spec"]["versions"] if each.get("storage"))
    return {
        "conditions": conditions,
        "acceptedNames": {} if clash else names,
        "storedVersions": stored if storage in stored else [*stored, storage],
    }
