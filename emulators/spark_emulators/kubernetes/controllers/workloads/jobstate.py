"""What has become of a job, and what is to be done for it. Pure.

Source of the rules: the job controller of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api.objects import dig, parse_time
from spark_emulators.kubernetes.controllers.workloads.pods import condition, is_active, phase_of
from spark_emulators.kubernetes.store.store import Object

__all__ = [
    "FINALIZER",
    "INDEX",
    "Ending",
    "Tally",
    "deadline",
    "ending_of",
    "finished",
    "index_of",
    "job_status",
    "missing_indexes",
    "ranges",
    "retry_at",
    "tally",
    "unranged",
    "wanted",
]

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
_FIRST_WAIT_S, _LONGEST_WAIT_S = 10.0, 600.0


@dataclass(frozen=True)
class Ending:
    """How a job ends.

    Attributes:
        kind: ``Complete`` or ``Failed``.
        reason: why.
        message: the same for people.
    """

    kind: str
    reason: str
    message: str


@dataclass(frozen=True)
class Tally:
    """A job's pods, counted.

    Attributes:
        active: those that run or will.
        going: those that are being deleted.
        fresh: those that ended and are not counted yet.
        succeeded: how many did, ever.
        failed: how many did not, ever.
        indexes: of an indexed job, those that are done.
    """

    active: tuple[Object, ...]
    going: tuple[Object, ...]
    fresh: tuple[Object, ...]
    succeeded: int
    failed: int
    indexes: frozenset[int] = frozenset()


def finished(job: Object) -> bool:
    """Whether it is complete or has failed."""
    found = (condition(job, kind) for kind in ("Complete", "Failed"))
    return any(each is not None and each["status"] == "True" for each in found)


def index_of(pod: Object) -> int:
    """The completion index of a pod; -1 without one."""
    text = str((pod["metadata"].get("annotations") or {}).get(INDEX, ""))
    return int(text) if text.isdigit() else -1


def tally(job: Object, pods: Sequence[Object]) -> Tally:
    """Count a job's pods, with those that were counted before they went."""
    status = job.get("status") or {}
    indexed = job["spec"].get("completionMode") == "Indexed"
    fresh = tuple(each for each in pods if _counts(each, job))
    done = [each for each in fresh if phase_of(each) == "Succeeded"]
    lost = len(fresh) - len(done)
    indexes = frozenset(unranged(status.get("completedIndexes", "")))
    succeeded = status.get("succeeded", 0) + len(done)
    if indexed:
        most = job["spec"]["completions"]
        indexes |= {index for each in done if 0 <= (index := index_of(each)) < most}
        succeeded = len(indexes)
    return Tally(
        tuple(each for each in pods if is_active(each)),
        tuple(each for each in pods if _goes(each)),
        fresh,
        succeeded,
        status.get("failed", 0) + lost,
        indexes,
    )


def _goes(pod: Object) -> bool:
    ended = phase_of(pod) in ("Succeeded", "Failed")
    return not ended and "deletionTimestamp" in pod["metadata"]


def _counts(pod: Object, job: Object) -> bool:
    """Whether a pod that still bears the finalizer has ended, one way or the other."""
    if FINALIZER not in (pod["metadata"].get("finalizers") or ()):
        return False
    if phase_of(pod) in ("Succeeded", "Failed"):
        return True
    # one that was deleted before it ran, or whose node is done with it, ends no other way
    metadata = pod["metadata"]
    return "deletionTimestamp" in metadata and (
        not metadata.get("deletionGracePeriodSeconds") or "nodeName" not in pod["spec"]
    )


def ending_of(job: Object, counted: Tally, now: float) -> Ending | None:
    """How the job ends, if it does."""
    spec = job["spec"]
    limit = spec["backoffLimit"]
    if counted.failed > limit or _restarts_too_often(job, counted):
        text = "Job has reached the specified backoff limit"
        return Ending("Failed", "BackoffLimitExceeded", text)
    at = deadline(job)
    if at is not None and now >= at:
        text = "Job was active longer than specified deadline"
        return Ending("Failed", "DeadlineExceeded", text)
    completions = spec.get("completions")
    if completions is None:
        done = counted.succeeded > 0 and not counted.active and not counted.going
    else:
        done = counted.succeeded >= completions
    if done:
        return Ending("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
    return None


def _restarts_too_often(job: Object, counted: Tally) -> bool:
    """Whether containers that are started again in their pods have failed often enough."""
    if dig(job, "spec", "template", "spec", "restartPolicy") != "OnFailure":
        return False
    statuses = (
        each
        for pod in counted.active
        for name in ("initContainerStatuses", "containerStatuses")
        for each in dig(pod, "status", name) or ()
    )
    found = sum(int(each["restartCount"]) for each in statuses)
    # a limit of none is reached by the first
    limit: int = job["spec"]["backoffLimit"]
    return found >= max(1, limit)


def deadline(job: Object) -> float | None:
    """When the job has taken too long; None where that is never, or it does not run."""
    limit_s, start = job["spec"].get("activeDeadlineSeconds"), dig(job, "status", "startTime")
    if limit_s is None or start is None or job["spec"].get("suspend"):
        return None
    return parse_time(start) + float(limit_s)


def retry_at(counted: Tally, pods: Iterable[Object]) -> float:
    """When the next pod may be made after failures; 0 where there is no need to wait."""
    ends = [_ended(each) for each in pods if phase_of(each) == "Failed"]
    successes = [_ended(each) for each in pods if phase_of(each) == "Succeeded"]
    recent = [each for each in ends if each > max(successes, default=0.0)]
    if not recent:
        return 0.0
    wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(len(recent) - 1, 8))
    return max(recent) + wait_s


def _ended(pod: Object) -> float:
    times = [
        parse_time(at)
        for each in dig(pod, "status", "containerStatuses") or ()
        if (at := dig(each, "state", "terminated", "finishedAt"))
    ]
    return max(times, default=parse_time(pod["metadata"]["creationTimestamp"]))


def wanted(job: Object, counted: Tally) -> int:
    """How many pods are to be active."""
    spec = job["spec"]
    if spec.get("suspend"):
        return 0
    parallel: int = spec["parallelism"]
    completions: int | None = spec.get("completions")
    if completions is None:
        # the first success means that the work is done: no more are made
        return len(counted.active) if counted.succeeded else parallel
    return max(0, min(parallel, completions - counted.succeeded))


def missing_indexes(job: Object, counted: Tally) -> list[int]:
    """The indexes that are neither done nor being worked on, lowest first."""
    busy = {index_of(each) for each in (*counted.active, *counted.going)}
    return [
        each
        for each in range(job["spec"]["completions"])
        if each not in busy and each not in counted.indexes
    ]


def ranges(indexes: Iterable[int]) -> str:
    """Numbers as ``1,3-5,7``."""
    runs: list[list[int]] = []
    for each in sorted(indexes):
        if runs and runs[-1][1] == each - 1:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    return ",".join(_range(first, last) for first, last in runs)


def _range(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"


def unranged(text: str) -> list[int]:
    """The inverse of ``ranges``."""
    found: list[int] = []
    for each in filter(None, text.split(",")):
        first, _, last = each.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def job_status(
    job: Object, counted: Tally, ready: int, stamp: str, conditions: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The status of a job.

    Args:
        ready: how many of the active pods are.
        stamp: now, as objects write it.
        conditions: as they are to be.
    """
    before = job.get("status") or {}
    status: dict[str, Any] = {}
    if conditions:
        status["conditions"] = [dict(each) for each in conditions]
    start = before.get("startTime")
    if not job["spec"].get("suspend") and not start:
        start = stamp
    if start and not (job["spec"].get("suspend") and not finished(job)):
        status["startTime"] = start
    if any(each["type"] == "Complete" and each["status"] == "True" for each in conditions):
        status["completionTime"] = before.get("completionTime", stamp)
    counts = {
        "active": len(counted.active), "succeeded": counted.succeeded, "failed": counted.failed,
    }  # fmt: skip
    status |= {name: count for name, count in counts.items() if count}
    status["terminating"], status["ready"] = len(counted.going), ready
    if counted.indexes:
        status["completedIndexes"] = ranges(counted.indexes)
    status["uncountedTerminatedPods"] = {}
    return status
