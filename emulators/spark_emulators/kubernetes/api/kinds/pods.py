"""Pods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from spark_emulators.kubernetes.api.kinds import podspec
from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.api.strategy import STRATEGIES, Strategy
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.store.store import Object

if TYPE_CHECKING:
    from spark_emulators.kubernetes.api.context import Context

__all__: list[str] = []

_FINAL = ("Succeeded", "Failed")
_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions"
    " to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it"
    " was previously negative)"
)


class Pods(Strategy):
    """What runs. Mostly fixed once made."""

    counts_generations = True
    has_status = True
    answers_object = True

    def default(self, value: Object) -> None:
        spec = value.setdefault("spec", {})
        podspec.default(spec)
        spec.setdefault("enableServiceLinks", True)

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {"phase": "Pending", "qosClass": podspec.qos_class(value["spec"])}

    def validate(self, value: Object) -> list[Cause]:
        return podspec.faults(value["spec"])

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        new, before = value["spec"], old["spec"]
        if new == before or _but_for_changeable(new, before) == before:
            return []
        shown = json.dumps(new, separators=(",", ":"))
        return [Cause.forbidden("spec", f"{_FIXED}\n{shown}")]

    def grace_s(self, value: Object, asked: int | None) -> int | None:
        spec, status = value["spec"], value.get("status") or {}
        grace_s = asked if asked is not None else spec.get("terminationGracePeriodSeconds", 30)
        metadata = value["metadata"]
        if metadata.get("deletionTimestamp") and asked is None:
            grace_s = metadata.get("deletionGracePeriodSeconds", grace_s)
        # nothing runs that could use the time
        if not spec.get("nodeName") or status.get("phase") in _FINAL:
            return 0
        return max(grace_s, 1) if grace_s < 0 else grace_s

    def fields(self, value: Object) -> dict[str, str]:
        spec, status = value.get("spec") or {}, value.get("status") or {}
        return {
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.restartPolicy": spec.get("restartPolicy", ""),
            "spec.schedulerName": spec.get("schedulerName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", ""),
            "spec.hostNetwork": str(bool(spec.get("hostNetwork"))).lower(),
            "status.phase": status.get("phase", ""),
            "status.podIP": status.get("podIP", ""),
            "status.podIPs": status.get("podIP", ""),
            "status.nominatedNodeName": status.get("nominatedNodeName", ""),
        }


def _but_for_changeable(new: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """``new`` with the changes that are allowed taken back."""
    found: dict[str, Any] = copy(new)
    for kind in ("containers", "initContainers"):
        old = before.get(kind) or []
        if len(found.get(kind) or []) == len(old):
            for mine, theirs in zip(found.get(kind) or [], old, strict=True):
                if mine.get("image"):
                    mine["image"] = theirs.get("image")
    deadline_s, earlier = found.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if deadline_s is not None and (earlier is None or deadline_s <= earlier):
        found.pop("activeDeadlineSeconds")
        if earlier is not None:
            found["activeDeadlineSeconds"] = earlier
    tolerations = before.get("tolerations") or []
    if all(each in (found.get("tolerations") or []) for each in tolerations):
        found.pop("tolerations", None)
        if tolerations:
            found["tolerations"] = tolerations
    if dig(before, "schedulingGates") and "schedulingGates" not in found:
        found["schedulingGates"] = before["schedulingGates"]
    return found


class PodTemplates(Strategy):
    """Templates kept for later."""

    def default(self, value: Object) -> None:
        podspec.default(value.setdefault("template", {}).setdefault("spec", {}))


STRATEGIES.update({"pods": Pods(), "podtemplates": PodTemplates()})
