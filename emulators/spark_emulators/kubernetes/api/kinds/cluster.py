"""Kinds of the cluster itself: namespaces, nodes, volumes, priorities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_emulators.kubernetes.api import names
from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.strategy import STRATEGIES, Strategy
from spark_emulators.kubernetes.errors import Cause, forbidden
from spark_emulators.kubernetes.store.store import Object

if TYPE_CHECKING:
    from spark_emulators.kubernetes.api.context import Context

__all__: list[str] = []

_ETERNAL = frozenset({"default", "kube-system", "kube-public"})


class Namespaces(Strategy):
    """Where objects live. Ended by the namespace controller through ``finalize``."""

    has_status = True
    answers_object = True

    def name_faults(self, name: str) -> list[str]:
        return names.label(name)

    def default(self, value: Object) -> None:
        name = value["metadata"].get("name")
        if name:
            value["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name

    def prepare_create(self, value: Object, context: Context) -> None:
        self.default(value)
        finalizers = dig(value, "spec", "finalizers") or []
        if "kubernetes" not in finalizers:
            finalizers = [*finalizers, "kubernetes"]
        value["spec"] = {"finalizers": finalizers}
        value["status"] = {"phase": "Active"}

    def prepare_update(self, value: Object, old: Object, context: Context) -> None:
        super().prepare_update(value, old, context)
        value["spec"] = old.get("spec", {})

    def before_delete(self, value: Object, context: Context) -> None:
        name = value["metadata"]["name"]
        if name in _ETERNAL:
            raise forbidden("", "namespaces", name, "this namespace may not be deleted")

    def fields(self, value: Object) -> dict[str, str]:
        return {"status.phase": dig(value, "status", "phase") or ""}


class Nodes(Strategy):
    """Where pods run."""

    has_status = True

    def fields(self, value: Object) -> dict[str, str]:
        unschedulable = bool(dig(value, "spec", "unschedulable"))
        return {"spec.unschedulable": str(unschedulable).lower()}

    def prepare_create(self, value: Object, context: Context) -> None:
        value.setdefault("spec", {})
        # a node registers itself with its status
        value.setdefault("status", {})


class Volumes(Strategy):
    """Persistent volumes."""

    has_status = True
    answers_object = True

    def default(self, value: Object) -> None:
        spec = value.setdefault("spec", {})
        spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setdefault("volumeMode", "Filesystem")

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {"phase": "Pending"}


class Claims(Strategy):
    """Persistent volume claims."""

    has_status = True
    answers_object = True

    def default(self, value: Object) -> None:
        value.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {"phase": "Pending"}

    def validate(self, value: Object) -> list[Cause]:
        spec = value.get("spec") or {}
        found = []
        if not spec.get("accessModes"):
            found.append(Cause.required("spec.accessModes", "at least 1 access mode is required"))
        if dig(spec, "resources", "requests", "storage") is None:
            found.append(Cause.required("spec.resources[storage]"))
        return found

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        new, before = dict(value.get("spec") or {}), dict(old.get("spec") or {})
        for spec in (new, before):
            for name in ("resources", "volumeName", "volumeAttributesClassName"):
                spec.pop(name, None)
        if new == before:
            return []
        detail = (
            "spec is immutable after creation except resources.requests and"
            " volumeAttributesClassName for bound claims"
        )
        return [Cause.forbidden("spec", detail)]


class Priorities(Strategy):
    """Priority classes."""

    counts_generations = True

    def default(self, value: Object) -> None:
        value.setdefault("preemptionPolicy", "PreemptLowerPriority")

    def counted(self, value: Object) -> Any:
        return value.get("value")

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        if value.get("value") != old.get("value"):
            return [Cause.forbidden("value", "may not be changed in an update.")]
        return []


class StorageClasses(Strategy):
    """How volumes are made."""

    def default(self, value: Object) -> None:
        value.setdefault("reclaimPolicy", "Delete")
        value.setdefault("volumeBindingMode", "Immediate")

    def validate(self, value: Object) -> list[Cause]:
        return [] if value.get("provisioner") else [Cause.required("provisioner")]


STRATEGIES.update(
    {
        "namespaces": Namespaces(),
        "nodes": Nodes(),
        "persistentvolumes": Volumes(),
        "persistentvolumeclaims": Claims(),
        "priorityclasses.scheduling.k8s.io": Priorities(),
        "storageclasses.storage.k8s.io": StorageClasses(),
    }
)
