"""What a deployment says of its rollout: counts and conditions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spark_emulators.kubernetes.api.objects import parse_time
from spark_emulators.kubernetes.controllers.workloads.pods import condition
from spark_emulators.kubernetes.controllers.workloads.reconciler import with_condition
from spark_emulators.kubernetes.controllers.workloads.rolling import Bounds
from spark_emulators.kubernetes.store.store import Object

__all__ = ["deadline_of", "is_complete", "status_of"]

_NEVER_S = 2147483647
_COUNTS = ("replicas", "readyReplicas", "availableReplicas", "terminatingReplicas")


def _sum(sets: Sequence[Object], name: str) -> int:
    return sum((each.get("status") or {}).get(name, 0) for each in sets)


def is_complete(owner: Object, status: Mapping[str, Any]) -> bool:
    """Whether all its replicas are of the newest template, and available."""
    wanted = owner["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    return counts == [wanted] * 3


def deadline_of(owner: Object) -> float | None:
    """When a rollout that makes no progress has failed; None where nothing is awaited."""
    limit_s = owner["spec"].get("progressDeadlineSeconds", _NEVER_S)
    found = condition(owner, "Progressing")
    if found is None or limit_s == _NEVER_S or owner["spec"].get("paused"):
        return None
    if found["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    return parse_time(found["lastUpdateTime"]) + float(limit_s)


def status_of(
    owner: Object, new: Object | None, old: Sequence[Object], limits: Bounds, now: float,
    stamp: str, found: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The status of ``owner``.

    Args:
        new: the replica set of its template, if there is one.
        old: the others.
        limits: what its rollout may do.
        now: seconds since the epoch.
        stamp: the same as objects write it.
        found: ``NewReplicaSetCreated`` or ``FoundNewReplicaSet`` where a rollout begins.
    """
    before = owner.get("status") or {}
    sets = [*old, *([new] if new else [])]
    counts = {name: _sum(sets, name) for name in _COUNTS}
    counts["updatedReplicas"] = _sum([new], "replicas") if new else 0
    total = sum(each["spec"]["replicas"] for each in sets)
    counts["unavailableReplicas"] = max(0, total - counts["availableReplicas"])
    status: dict[str, Any] = {
        "observedGeneration": owner["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": counts["terminatingReplicas"],
    }
    if "collisionCount" in before:
        status["collisionCount"] = before["collisionCount"]
    conditions = before.get("conditions") or []
    conditions = _availability(conditions, counts, limits, stamp)
    conditions = _progress(owner, new, status, conditions, now, stamp, found)
    status["conditions"] = _failure(conditions, sets, stamp)
    return status


def _set(
    conditions: Sequence[Mapping[str, Any]], kind: str, status: str, reason: str, message: str,
    stamp: str, *, again: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """With a condition set; kept as it is where neither status nor reason changes."""
    known = next((each for each in conditions if each["type"] == kind), None)
    if known and not again and (known["status"], known["reason"]) == (status, reason):
        return [dict(each) for each in conditions]
    return with_condition(conditions, kind, status, reason, message, stamp, lastUpdateTime=stamp)


def _availability(
    conditions: Sequence[Mapping[str, Any]], counts: Mapping[str, int], limits: Bounds, stamp: str
) -> list[dict[str, Any]]:
    if counts["availableReplicas"] >= limits.replicas - limits.unavailable:
        text = "Deployment has minimum availability."
        return _set(conditions, "Available", "True", "MinimumReplicasAvailable", text, stamp)
    text = "Deployment does not have minimum availability."
    return _set(conditions, "Available", "False", "MinimumReplicasUnavailable", text, stamp)


def _progress(
    owner: Object, new: Object | None, status: Mapping[str, Any],
    conditions: list[dict[str, Any]], now: float, stamp: str, found: str,
) -> list[dict[str, Any]]:  # fmt: skip
    spec = owner["spec"]
    known = next((each for each in conditions if each["type"] == "Progressing"), None)
    if spec.get("progressDeadlineSeconds", _NEVER_S) == _NEVER_S:
        return [each for each in conditions if each["type"] != "Progressing"]
    if spec.get("paused"):
        if known and known["reason"] in ("DeploymentPaused", "ProgressDeadlineExceeded"):
            return conditions
        text = "Deployment is paused"
        return _set(conditions, "Progressing", "Unknown", "DeploymentPaused", text, stamp)
    if known and known["reason"] == "DeploymentPaused":
        text = "Deployment is resumed"
        return _set(conditions, "Progressing", "Unknown", "DeploymentResumed", text, stamp)
    if new is None:
        return conditions
    name = f'ReplicaSet "{new["metadata"]["name"]}"'
    if found:
        text = f'Created new replica set "{new["metadata"]["name"]}"'
        if found == "FoundNewReplicaSet":
            text = f'Found new replica set "{new["metadata"]["name"]}"'
        return _set(conditions, "Progressing", "True", found, text, stamp, again=True)
    before = owner.get("status") or {}
    if is_complete(owner, status):
        text = f"{name} has successfully progressed."
        return _set(conditions, "Progressing", "True", "NewReplicaSetAvailable", text, stamp)
    if known and known["reason"] == "NewReplicaSetAvailable" and not _moved(before, status):
        return conditions
    if _moved(before, status):
        text = f"{name} is progressing."
        return _set(conditions, "Progressing", "True", "ReplicaSetUpdated", text, stamp, again=True)
    at = deadline_of(owner)
    if at is not None and now >= at:
        text = f"{name} has timed out progressing."
        return _set(conditions, "Progressing", "False", "ProgressDeadlineExceeded", text, stamp)
    return conditions


def _moved(before: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Whether a rollout came nearer to its end."""

    def old(state: Mapping[str, Any]) -> int:
        return int(state.get("replicas", 0)) - int(state.get("updatedReplicas", 0))

    return old(status) < old(before) or any(
        status.get(name, 0) > before.get(name, 0)
        for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _failure(
    conditions: list[dict[str, Any]], sets: Sequence[Object], stamp: str
) -> list[dict[str, Any]]:
    failed = [each for each in (condition(one, "ReplicaFailure") for one in sets) if each]
    if not failed:
        return [each for each in conditions if each["type"] != "ReplicaFailure"]
    last = failed[-1]
    return _set(
        conditions, "ReplicaFailure", last["status"], last["reason"], last["message"], stamp
    )
