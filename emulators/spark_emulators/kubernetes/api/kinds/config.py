"""Kinds with little behaviour: configuration, access rules, leases, events."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from spark_emulators.kubernetes.api import names
from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.strategy import STRATEGIES, Strategy
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.store.store import Object

if TYPE_CHECKING:
    from spark_emulators.kubernetes.api.context import Context

__all__: list[str] = []

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',"
    "  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LIMIT_BYTES = 1_048_576
_IMMUTABLE = "field is immutable when `immutable` is set"


def _key_faults(value: Object, *fields: str) -> list[Cause]:
    found = []
    for field in fields:
        for key in value.get(field) or {}:
            if not _KEY.fullmatch(key):
                found.append(Cause.invalid(f"{field}[{key}]", key, _KEY_TEXT))
    return found


def _immutable_faults(value: Object, old: Object, *fields: str) -> list[Cause]:
    if not old.get("immutable"):
        return []
    found = []
    if not value.get("immutable"):
        found.append(Cause.forbidden("immutable", _IMMUTABLE))
    found += [
        Cause.forbidden(field, _IMMUTABLE) for field in fields if value.get(field) != old.get(field)
    ]
    return found


class ConfigMaps(Strategy):
    """Text and bytes by key, up to 1 MiB."""

    creates_on_update = False

    def validate(self, value: Object) -> list[Cause]:
        found = _key_faults(value, "data", "binaryData")
        size = sum(len(each.encode()) for each in (value.get("data") or {}).values())
        size += sum(len(each) * 3 // 4 for each in (value.get("binaryData") or {}).values())
        if size > _LIMIT_BYTES:
            found.append(Cause.too_long("", _LIMIT_BYTES))
        return found

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        return _immutable_faults(value, old, "data", "binaryData")


class Secrets(Strategy):
    """Bytes by key. ``stringData`` is written, never read."""

    def default(self, value: Object) -> None:
        plain = value.pop("stringData", None)
        if plain:
            data = value.setdefault("data", {})
            for key, text in plain.items():
                data[key] = base64.b64encode(text.encode()).decode()
        value.setdefault("type", "Opaque")

    def validate(self, value: Object) -> list[Cause]:
        found = _key_faults(value, "data")
        data = value.get("data") or {}
        for key, text in data.items():
            try:
                base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                found.append(Cause.invalid(f"data[{key}]", text, "must be base64"))
        if sum(len(each) * 3 // 4 for each in data.values()) > _LIMIT_BYTES:
            found.append(Cause.too_long("data", _LIMIT_BYTES))
        return found

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        found = _immutable_faults(value, old, "data")
        if value.get("type") != old.get("type"):
            found.append(Cause.invalid("type", value.get("type"), "field is immutable"))
        return found

    def fields(self, value: Object) -> dict[str, str]:
        return {"type": value.get("type", "")}


class ServiceAccounts(Strategy):
    """Who pods are."""

    answers_object = True


class Events(Strategy):
    """What happened to an object."""

    creates_on_update = True

    def fields(self, value: Object) -> dict[str, str]:
        about = value.get("involvedObject") or value.get("regarding") or {}
        source = dig(value, "source", "component") or value.get("reportingComponent") or ""
        found = {
            f"involvedObject.{name}": str(about.get(name, ""))
            for name in (
                "kind",
                "namespace",
                "name",
                "uid",
                "apiVersion",
                "resourceVersion",
                "fieldPath",
            )
        }
        return {
            **found,
            "reason": value.get("reason", ""),
            "type": value.get("type", ""),
            "source": source,
            "reportingComponent": value.get("reportingComponent", ""),
        }

    def default(self, value: Object) -> None:
        # core events always carry these, however empty
        if value["apiVersion"] == "v1":
            value.setdefault("source", {})
            value.setdefault("firstTimestamp", None)
            value.setdefault("lastTimestamp", None)
            value.setdefault("reportingComponent", "")
            value.setdefault("reportingInstance", "")

    def validate(self, value: Object) -> list[Cause]:
        about = value.get("involvedObject") or value.get("regarding") or {}
        namespace, mine = about.get("namespace", ""), value["metadata"].get("namespace", "")
        if namespace != mine and not (namespace == "" and mine == "default"):
            return [
                Cause.invalid(
                    "involvedObject.namespace", namespace, "does not match event.namespace"
                )
            ]
        return []


class Leases(Strategy):
    """Who leads."""

    counts_generations = False
    unconditional = False
    creates_on_update = True

    def validate(self, value: Object) -> list[Cause]:
        seconds = dig(value, "spec", "leaseDurationSeconds")
        if seconds is not None and seconds <= 0:
            return [Cause.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")]
        return []


class Access(Strategy):
    """Roles and bindings, whose names may hold almost anything."""

    def name_faults(self, name: str) -> list[str]:
        return names.path_segment(name)


class Roles(Access):
    """What may be done."""

    def default(self, value: Object) -> None:
        value.setdefault("rules", [])

    def validate(self, value: Object) -> list[Cause]:
        found = []
        for index, rule in enumerate(value.get("rules") or []):
            if not rule.get("verbs"):
                detail = "verbs must contain at least one value"
                found.append(Cause.required(f"rules[{index}].verbs", detail))
            elif not rule.get("nonResourceURLs"):
                if not rule.get("resources"):
                    detail = "resource rules must supply at least one resource"
                    found.append(Cause.required(f"rules[{index}].resources", detail))
                if not rule.get("apiGroups"):
                    detail = "resource rules must supply at least one api group"
                    found.append(Cause.required(f"rules[{index}].apiGroups", detail))
        return found


class Bindings(Access):
    """Who may do it."""

    def default(self, value: Object) -> None:
        reference = value.setdefault("roleRef", {})
        reference.setdefault("apiGroup", "rbac.authorization.k8s.io")
        for subject in value.get("subjects") or []:
            if subject.get("kind") in ("User", "Group"):
                subject.setdefault("apiGroup", "rbac.authorization.k8s.io")

    def validate(self, value: Object) -> list[Cause]:
        reference = value.get("roleRef") or {}
        found = []
        if reference.get("kind") not in ("Role", "ClusterRole"):
            found.append(
                Cause.unsupported(
                    "roleRef.kind", reference.get("kind", ""), ("ClusterRole", "Role")
                )
            )
        if not reference.get("name"):
            found.append(Cause.required("roleRef.name"))
        for index, each in enumerate(value.get("subjects") or []):
            if not each.get("name"):
                found.append(Cause.required(f"subjects[{index}].name"))
            if each.get("kind") == "ServiceAccount" and not each.get("namespace"):
                found.append(Cause.required(f"subjects[{index}].namespace"))
        return found

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        if value.get("roleRef") != old.get("roleRef"):
            return [Cause.invalid("roleRef", value.get("roleRef"), "cannot change roleRef")]
        return []


class Quotas(Strategy):
    """How much a namespace may use; admission and a controller keep its status."""

    has_status = True
    answers_object = True

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {}


class LimitRanges(Strategy):
    """Defaults and bounds of containers."""

    def default(self, value: Object) -> None:
        for limit in dig(value, "spec", "limits") or []:
            if limit.get("type") != "Container":
                continue
            limits = {**(limit.get("max") or {}), **(limit.get("default") or {})}
            requests = {**(limit.get("min") or {}), **(limit.get("default") or {})}
            requests = {
                **(limits if not limit.get("min") else {**limits, **requests}),
                **(limit.get("defaultRequest") or {}),
            }
            if limits:
                limit["default"] = limits
            if requests:
                limit["defaultRequest"] = requests


STRATEGIES.update(
    {
        "configmaps": ConfigMaps(),
        "secrets": Secrets(),
        "serviceaccounts": ServiceAccounts(),
        "events": Events(),
        "events.events.k8s.io": Events(),
        "leases.coordination.k8s.io": Leases(),
        "roles.rbac.authorization.k8s.io": Roles(),
        "clusterroles.rbac.authorization.k8s.io": Roles(),
        "rolebindings.rbac.authorization.k8s.io": Bindings(),
        "clusterrolebindings.rbac.authorization.k8s.io": Bindings(),
        "resourcequotas": Quotas(),
        "limitranges": LimitRanges(),
    }
)
