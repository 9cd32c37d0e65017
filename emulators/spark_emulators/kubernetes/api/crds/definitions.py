"""CustomResourceDefinition: its own rules, and the resources it makes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from spark_emulators.kubernetes.api.crds import validation
from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.api.registry import Custom, Resource, Subresource
from spark_emulators.kubernetes.api.strategy import STRATEGIES, Strategy
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.schemas.builtin import definitions
from spark_emulators.kubernetes.schemas.types import Schema
from spark_emulators.kubernetes.store.store import Object

if TYPE_CHECKING:
    from spark_emulators.kubernetes.api.context import Context

__all__ = ["GROUP_RESOURCE", "resources_of"]

GROUP_RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUB_VERBS = ("get", "patch", "update")


class Definitions(Strategy):
    """CRDs. The controller of definitions says when they hold."""

    counts_generations = True
    has_status = True
    unconditional = True

    def default(self, value: Object) -> None:
        spec = value.setdefault("spec", {})
        names = spec.setdefault("names", {})
        if names.get("kind"):
            names.setdefault("singular", names["kind"].lower())
            names.setdefault("listKind", f"{names['kind']}List")
        spec.setdefault("conversion", {}).setdefault("strategy", "None")

    def prepare_create(self, value: Object, context: Context) -> None:
        super().prepare_create(value, context)
        stored = [
            each["name"] for each in value["spec"].get("versions") or () if each.get("storage")
        ]
        value["status"] = {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": stored[:1],
        }

    def prepare_delete(self, value: Object) -> None:
        finalizers = value["metadata"].get("finalizers") or []
        if CLEANUP not in finalizers and not value["metadata"].get("deletionTimestamp"):
            value["metadata"]["finalizers"] = [*finalizers, CLEANUP]

    def validate(self, value: Object) -> list[Cause]:
        spec, names = value["spec"], value["spec"]["names"]
        found = []
        for path in ("group", "scope"):
            if not spec.get(path):
                found.append(Cause.required(f"spec.{path}"))
        for path in ("plural", "kind"):
            if not names.get(path):
                found.append(Cause.required(f"spec.names.{path}"))
        if spec.get("scope") and spec["scope"] not in ("Cluster", "Namespaced"):
            found.append(Cause.unsupported("spec.scope", spec["scope"], ("Cluster", "Namespaced")))
        versions = spec.get("versions") or []
        if not versions:
            found.append(Cause.required("spec.versions"))
        if versions and sum(bool(each.get("storage")) for each in versions) != 1:
            found.append(
                Cause.invalid(
                    "spec.versions",
                    [each.get("name") for each in versions],
                    "must have exactly one version marked as storage version",
                )
            )
        for index, version in enumerate(versions):
            schema = (version.get("schema") or {}).get("openAPIV3Schema")
            path = f"spec.versions[{index}].schema.openAPIV3Schema"
            if schema is None:
                found.append(Cause.required(path, "schemas are required"))
            else:
                found += _structural_faults(schema, path)
        wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
        if value["metadata"].get("name") != wanted:
            found.append(
                Cause.invalid(
                    "metadata.name",
                    value["metadata"].get("name", ""),
                    'must be spec.names.plural+"."+spec.group',
                )
            )
        return found

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        found = []
        for path in ("group", "scope"):
            if value["spec"].get(path) != old["spec"].get(path):
                found.append(
                    Cause.invalid(f"spec.{path}", value["spec"].get(path), "field is immutable")
                )
        return found


def _structural_faults(schema: dict[str, Any], path: str) -> list[Cause]:
    found = []
    untyped = ("type", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
    if not any(schema.get(each) for each in untyped):
        detail = "must not be empty for specified object fields"
        if path.endswith("openAPIV3Schema"):
            detail = "must not be empty at the root"
        elif path.endswith("items"):
            detail = "must not be empty for specified array items"
        found.append(Cause.required(f"{path}.type", detail))
    for name, child in (schema.get("properties") or {}).items():
        if isinstance(child, dict):
            found += _structural_faults(child, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        child = schema.get(name)
        if isinstance(child, dict):
            found += _structural_faults(child, f"{path}.{name}")
    if schema.get("type") == "array" and "items" not in schema:
        found.append(Cause.required(f"{path}.items", "must be specified"))
    if "pattern" in schema:
        try:
            re.compile(schema["pattern"])
        except re.error:
            found.append(
                Cause.invalid(
                    f"{path}.pattern", schema["pattern"], "must be a valid regular expression"
                )
            )
    return found


class CustomObjects(Strategy):
    """Objects of one version of a custom kind."""

    counts_generations = True
    unconditional = False

    def __init__(self, schema: Callable[[], Schema], has_status: bool) -> None:
        self._schema = schema
        self.has_status = has_status

    def validate(self, value: Object) -> list[Cause]:
        return validation.faults(value, self._schema())

    def counted(self, value: Object) -> Any:
        left = {"metadata", "status"} if self.has_status else {"metadata"}
        return {key: each for key, each in value.items() if key not in left}


def resources_of(definition: Object) -> Iterator[Resource]:
    """The resources of a CRD's served versions."""
    spec, names = definition["spec"], definition["spec"]["names"]
    versions = spec["versions"]
    storage = next(each["name"] for each in versions if each.get("storage"))
    for version in versions:
        if not version.get("served"):
            continue
        subs = version.get("subresources") or {}
        load = _loader(spec["group"], version["name"], names["kind"], version)
        custom = Custom(
            storage_version=storage,
            columns=tuple(version.get("additionalPrinterColumns") or ()),
            scale=subs.get("scale"),
            selectable=tuple(each["jsonPath"] for each in version.get("selectableFields") or ()),
            definition=definition["metadata"]["name"],
        )
        yield Resource(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            singular=names.get("singular", ""),
            kind=names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            verbs=_VERBS,
            load_schema=load,
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            list_kind=names.get("listKind", f"{names['kind']}List"),
            subresources=_subresources(subs, spec["group"], version["name"], names["kind"]),
            strategy=CustomObjects(load, "status" in subs),
            custom=custom,
            storage=f"{names['plural']}.{spec['group']}",
        )


def _subresources(
    subs: dict[str, Any], group: str, version: str, kind: str
) -> dict[str, Subresource]:
    found = {}
    if "status" in subs:
        found["status"] = Subresource("status", kind, group, version, _SUB_VERBS)
    if "scale" in subs:
        found["scale"] = Subresource("scale", "Scale", "autoscaling", "v1", _SUB_VERBS)
    return found


def _loader(group: str, version: str, kind: str, entry: dict[str, Any]) -> Callable[[], Schema]:
    @functools.lru_cache(maxsize=1)
    def load() -> Schema:
        raw = openapi_schema(group, version, kind, entry)
        return Schema(raw, definitions().__getitem__, custom=True)

    return load


def openapi_schema(group: str, version: str, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    """A version's schema with what every object has."""
    raw: dict[str, Any] = copy(
        (entry.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}
    )
    raw["properties"] = {
        **(raw.get("properties") or {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": f"#/components/schemas/{_META}"},
    }
    raw["x-kubernetes-group-version-kind"] = [{"group": group, "version": version, "kind": kind}]
    return raw


STRATEGIES[GROUP_RESOURCE] = Definitions()
