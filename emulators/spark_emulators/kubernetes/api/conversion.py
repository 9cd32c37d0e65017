"""One object, several versions: what a served version makes of what is stored."""

from __future__ import annotations

from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.schemas.types import Schema
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["to_storage", "view"]

# events.k8s.io/v1 and core/v1 call the same things by different names
_NEW_TO_OLD = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_OLD_TO_NEW = {old: new for new, old in _NEW_TO_OLD.items()}


def view(stored: Stored, resource: Resource) -> Stored:
    """``stored`` as ``resource`` serves it; made once, kept with the object."""
    if resource.custom is None and resource.group != "events.k8s.io":
        return stored
    # a resource is replaced when its definition changes, so it is the key of what was made of it
    found = stored.views.get(resource)
    if found is None:
        value = _converted(stored.value, resource)
        same = value is stored.value
        found = stored if same else Stored(stored.key, stored.revision, value)
        stored.views[resource] = found
    return found


def _converted(value: Object, resource: Resource) -> Object:
    if resource.custom is None:
        renamed = {_OLD_TO_NEW.get(name, name): each for name, each in value.items()}
        return {**renamed, "apiVersion": resource.api_version}
    from spark_emulators.kubernetes.api.crds.structural import defaulted

    found: Object = defaulted(value, resource.schema)
    if found.get("apiVersion") != resource.api_version:
        found = {**found, "apiVersion": resource.api_version}
    return found


def to_storage(value: Object, resource: Resource) -> Object:
    """The same object in the version that is stored."""
    if resource.custom is not None:
        group = resource.group
        return {**value, "apiVersion": f"{group}/{resource.custom.storage_version}"}
    if resource.group == "events.k8s.io":
        renamed = {_NEW_TO_OLD.get(name, name): each for name, each in value.items()}
        return {**renamed, "apiVersion": "v1"}
    return value


def storage_schema(resource: Resource) -> Schema:
    """The schema of what is stored, which is the version's own where all share one."""
    return resource.schema
