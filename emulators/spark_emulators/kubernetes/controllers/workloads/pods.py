"""Pods as their controllers see them: alive, ready, available; which goes first. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import copy, dig, parse_time
from spark_emulators.kubernetes.controllers.workloads.reconciler import controller_reference
from spark_emulators.kubernetes.store.store import Object

__all__ = [
    "available_at",
    "condition",
    "from_template",
    "is_active",
    "is_available",
    "is_ready",
    "is_terminating",
    "phase_of",
    "ranked",
]

_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def phase_of(pod: Object) -> str:
    """The pod's phase."""
    return str(dig(pod, "status", "phase") or "")


def is_active(pod: Object) -> bool:
    """Whether it runs, or will."""
    ended = phase_of(pod) in ("Succeeded", "Failed")
    return not ended and "deletionTimestamp" not in pod["metadata"]


def is_terminating(pod: Object) -> bool:
    """Whether it is going, and not gone yet."""
    ended = phase_of(pod) in ("Succeeded", "Failed")
    return not ended and "deletionTimestamp" in pod["metadata"]


def condition(value: Object, kind: str) -> Mapping[str, Any] | None:
    """One condition of an object's status."""
    found = dig(value, "status", "conditions") or ()
    return next((each for each in found if each["type"] == kind), None)


def is_ready(pod: Object) -> bool:
    """Whether its readiness condition holds."""
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def available_at(pod: Object, min_ready_s: int) -> float | None:
    """When it has been ready for long enough; None while it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    return (parse_time(found["lastTransitionTime"]) + min_ready_s) if min_ready_s else 0.0


def is_available(pod: Object, min_ready_s: int, now: float) -> bool:
    """Whether it has been ready for long enough."""
    at = available_at(pod, min_ready_s)
    return at is not None and at <= now


def ranked(pods: Sequence[Object], neighbours: Iterable[Object], now: float) -> list[Object]:
    """``pods``, first those that a scale-down takes first.

    Args:
        neighbours: pods of the same application: a node with more of them gives one first.
        now: seconds since the epoch.
    """
    crowd = Counter(dig(each, "spec", "nodeName") for each in neighbours if is_active(each))

    def rank(pod: Object) -> tuple[float, ...]:
        node, ready = dig(pod, "spec", "nodeName"), is_ready(pod)
        restarts = max(
            (each["restartCount"] for each in dig(pod, "status", "containerStatuses") or ()),
            default=0,
        )
        since = condition(pod, "Ready") if ready else None
        return (
            bool(node),
            _PHASES.get(phase_of(pod), 0),
            ready,
            _cost(pod),
            -crowd[node],
            _age(since["lastTransitionTime"], now) if since else 0,
            -restarts,
            _age(pod["metadata"]["creationTimestamp"], now),
        )

    return sorted(pods, key=rank)


def _cost(pod: Object) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0


def _age(since: str, now: float) -> int:
    """In powers of two: those of about the same age count as equal."""
    return int(math.log2(max(now - parse_time(since), 0) + 1))


def from_template(owner: Object, template: Mapping[str, Any], **names: str) -> Object:
    """A pod as ``owner`` makes it.

    Args:
        names: ``name`` or ``generateName``.
    """
    given = template.get("metadata") or {}
    kept = {
        key: copy(given[key]) for key in ("labels", "annotations", "finalizers") if given.get(key)
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **names,
            "namespace": owner["metadata"]["namespace"],
            **kept,
            "ownerReferences": [controller_reference(owner)],
        },
        "spec": copy(template["spec"]),
    }
