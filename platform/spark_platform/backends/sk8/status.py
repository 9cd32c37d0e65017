"""What a SparkApplication's status means for a job. Pure.

The verdict and the cleaning up are two states: how a job ended is read from the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from spark_platform.backends.settings import CONNECT_PORT, CONNECT_SERVER
from spark_platform.kernel.times import moment
from spark_platform.model import Observation, RunState

__all__ = ["CLUSTER", "driver_pod", "finished_at", "observation"]

CLUSTER = "spark-platform/cluster"
"""The annotation that says where an application is, of whoever spreads them over several."""

_STATES: Mapping[str, RunState] = {
    "Submitted": RunState.SUBMITTED,
    "ScheduledToRestart": RunState.PENDING,
    "DriverRequested": RunState.PENDING,
    "DriverStarted": RunState.PENDING,
    "DriverReady": RunState.RUNNING,
    "InitializedBelowThresholdExecutors": RunState.RUNNING,
    "RunningHealthy": RunState.RUNNING,
    "RunningWithPartialCapacity": RunState.RUNNING,
    "RunningWithBelowThresholdExecutors": RunState.RUNNING,
}
_DEGRADED = frozenset({"RunningWithPartialCapacity", "RunningWithBelowThresholdExecutors"})
_FAILURES = frozenset(
    {
        "Failed",
        "SchedulingFailure",
        "DriverEvicted",
        "DriverStartTimedOut",
        "DriverReadyTimedOut",
        "ExecutorsStartTimedOut",
    }
)
_VERDICTS = _FAILURES | {"Succeeded"}
# after a verdict alone its restart policy may still try it again
_OVER = frozenset({"ResourceReleased", "TerminatedWithoutReleaseResources"})
_UI_PORT = "4040"


def observation(found: Mapping[str, Any]) -> Observation:
    """How it is with the job of a SparkApplication."""
    metadata, status = found["metadata"], found.get("status") or {}
    history = _history(status)
    current = status.get("currentState") or {}
    native = current.get("currentStateSummary", "")
    cancelling = "deletionTimestamp" in metadata
    verdict = next((each for each in reversed(history) if _name(each) in _VERDICTS), None)
    # a state after the verdict that leads to another attempt
    again = native in _STATES
    ended = verdict is not None and not again
    state, reason = _state(native, verdict if ended else None, current, cancelling=cancelling)
    namespace, pod = metadata["namespace"], driver_pod(found)
    service = f"{pod}-svc.{namespace}.svc"
    conf = found["spec"].get("sparkConf") or {}
    running = state is RunState.RUNNING
    serves = found["spec"].get("mainClass") == CONNECT_SERVER
    port = conf.get("spark.ui.port", _UI_PORT)
    return Observation(
        name=metadata["name"],
        state=state,
        reason=reason,
        native=native,
        exit_code=_exit_code(verdict) if ended else None,
        attempt=_attempt(status) + 1,
        degraded=native in _DEGRADED,
        cancelling=cancelling and not state.ended,
        ready=running,
        submitted_at=_moment(metadata.get("creationTimestamp")),
        started_at=_since(history, "DriverReady") or _since(history, "DriverStarted"),
        ended_at=_moment(verdict.get("lastTransitionTime")) if ended and verdict else None,
        cluster=(metadata.get("annotations") or {}).get(CLUSTER, ""),
        application=f"{namespace}/{metadata['name']}",
        ui=f"http://{service}:{port}" if running else "",
        connect=f"{service}:{CONNECT_PORT}" if running and serves else "",
        logs=f"kubernetes://{namespace}/pods/{pod}",
    )


def finished_at(found: Mapping[str, Any]) -> datetime | None:
    """When an application ended by itself, never to run again; None where it has not."""
    seen = observation(found)
    return seen.ended_at if seen.native in _OVER else None


def driver_pod(found: Mapping[str, Any]) -> str:
    """The name of the driver's pod: names of jobs are short enough to be in it."""
    return f"{found['metadata']['name']}-{_attempt(found.get('status') or {})}-driver"


def _state(
    native: str, verdict: Mapping[str, Any] | None, current: Mapping[str, Any], *, cancelling: bool
) -> tuple[RunState, str]:
    if verdict is not None:
        if _name(verdict) == "Succeeded":
            return RunState.SUCCEEDED, verdict.get("message", "")
        return RunState.FAILED, f"{_name(verdict)}: {verdict.get('message', '')}".rstrip(": ")
    if native in _STATES:
        return _STATES[native], current.get("message", "")
    if not native:
        return RunState.SUBMITTED, "no operator has looked at it yet"
    if native == "ResourceReleased" and cancelling:
        return RunState.CANCELLED, "it was deleted before its end"
    return RunState.UNKNOWN, f"{native}: {current.get('message', '')}".rstrip(": ")


def _history(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = status.get("stateTransitionHistory") or {}
    return [entries[key] for key in sorted(entries, key=int)]


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("currentStateSummary", ""))


def _since(history: list[Mapping[str, Any]], state: str) -> datetime | None:
    found = next((each for each in history if _name(each) == state), None)
    return _moment(found.get("lastTransitionTime")) if found else None


def _attempt(status: Mapping[str, Any]) -> int:
    summary = status.get("currentAttemptSummary") or {}
    return int((summary.get("attemptInfo") or {}).get("id", 0))


def _exit_code(verdict: Mapping[str, Any] | None) -> int | None:
    driver = (verdict or {}).get("lastObservedDriverStatus") or {}
    statuses = driver.get("containerStatuses") or ()
    own = [each for each in statuses if each["name"] == "spark-kubernetes-driver"] or statuses
    for each in own:
        ended = (each.get("state") or {}).get("terminated")
        if ended:
            return int(ended["exitCode"])
    return None


def _moment(text: str | None) -> datetime | None:
    return moment(text) if text else None
