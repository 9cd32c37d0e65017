"""What a backend says of a job, in SK8's words: a SparkApplication's status. Pure.

States are only added, as its operator does it: what was once told stays told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from spark_platform.backends.sk8.manifest import CONTAINER
from spark_platform.model import Observation, RunState

__all__ = ["failed_to_start", "pod_of", "stamp", "status_of"]

_RELEASED, _OVER = "ResourceReleased", "TerminatedWithoutReleaseResources"
_STARTED = ("DriverRequested", "DriverReady", "RunningHealthy")
_PHASES = {
    RunState.RUNNING: "Running",
    RunState.SUCCEEDED: "Succeeded",
    RunState.FAILED: "Failed",
    RunState.CANCELLED: "Failed",
}
_State = dict[str, Any]


def status_of(
    seen: Observation, before: Mapping[str, Any] | None, now: datetime, *, deleting: bool = False
) -> dict[str, Any]:
    """The status of an application.

    Args:
        seen: its job.
        before: what was told of it last.
        now: when a state began that the backend tells no time of.
        deleting: it is being deleted, which is what ended its job if that was cancelled.
    """
    return _with(before, list(_states(seen, now, deleting=deleting)))


def failed_to_start(why: str, before: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """The status of an application whose backend refuses it."""
    states = [_state("SchedulingFailure", why, now), _state(_RELEASED, "nothing was made", now)]
    return _with(before, [_state("Submitted", "", now), *states])


def stamp(at: datetime) -> str:
    """A time as an operator writes it."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def pod_of(application: Mapping[str, Any], name: str, state: RunState) -> dict[str, Any]:
    """What stands for the driver's pod: as much as ``kubectl logs`` looks at."""
    metadata = application["metadata"]
    kept = ("namespace", "uid", "creationTimestamp", "resourceVersion", "labels")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **{key: metadata[key] for key in kept if key in metadata}},
        "spec": {"containers": [{"name": CONTAINER}]},
        "status": {"phase": _PHASES.get(state, "Pending")},
    }


def _states(seen: Observation, now: datetime, *, deleting: bool) -> Iterator[_State]:
    """All that a job must have come through, as far as can be told."""
    submitted_at = seen.submitted_at or now
    started_at, ended_at = seen.started_at or now, seen.ended_at or now
    yield _state("Submitted", "", submitted_at)
    if seen.state is RunState.PENDING:
        yield _state("DriverRequested", seen.reason, now)
    elif seen.state is RunState.RUNNING or (seen.state.ended and seen.started_at):
        running = seen.state is RunState.RUNNING
        for name in _STARTED:
            yield _state(name, seen.reason if running else "", started_at)
    if not seen.state.ended:
        return
    if seen.state is RunState.SUCCEEDED:
        yield _verdict("Succeeded", seen.reason, seen, ended_at)
    elif seen.state is RunState.FAILED:
        yield _verdict("Failed", seen.reason, seen, ended_at)
    elif not deleting:
        # SK8 has no word for it
        yield _verdict("Failed", f"it was cancelled: {seen.reason}", seen, ended_at)
    if deleting:
        yield _state(_RELEASED, "it was deleted", now)
    else:
        yield _state(_OVER, "its log stays until it is deleted", ended_at)


def _state(name: str, message: str, at: datetime) -> _State:
    return {"currentStateSummary": name, "lastTransitionTime": stamp(at), "message": message}


def _verdict(name: str, message: str, seen: Observation, at: datetime) -> _State:
    state = _state(name, message, at)
    if seen.exit_code is None:
        return state
    ended = {"terminated": {"exitCode": seen.exit_code, "finishedAt": stamp(at)}}
    container = {"name": CONTAINER, "state": ended}
    phase = _PHASES[seen.state]
    return {**state, "lastObservedDriverStatus": {"phase": phase, "containerStatuses": [container]}}


def _with(before: Mapping[str, Any] | None, states: list[_State]) -> dict[str, Any]:
    known = (before or {}).get("stateTransitionHistory") or {}
    history: list[Mapping[str, Any]] = [known[key] for key in sorted(known, key=int)]
    told = {each["currentStateSummary"] for each in history}
    if _OVER in told:
        # only what is deleted goes on from there
        states = [each for each in states if each["currentStateSummary"] == _RELEASED]
    history += [each for each in states if each["currentStateSummary"] not in told]
    return {
        "currentState": history[-1],
        "stateTransitionHistory": {str(number): each for number, each in enumerate(history)},
        "currentAttemptSummary": {"attemptInfo": {"id": 0}},
    }
