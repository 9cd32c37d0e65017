"""What follows from an application and what the cluster shows of it. Pure; ``reconciler`` does it.

Level-triggered: only the current state, what is seen and the time count, so that it makes no
difference how often it is asked, or who was told and died before acting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from spark_emulators.spark_operator.observation import (
    Seen,
    Verdict,
    is_ready,
    is_started,
    verdict,
    waits_for,
)
from spark_emulators.spark_operator.resources.application import ApplicationSpec
from spark_emulators.spark_operator.resources.status import ApplicationStatus, StateEntry
from spark_emulators.spark_operator.restart import backoff_millis, next_attempt
from spark_emulators.spark_operator.states import (
    FAILURES,
    INITIALIZING,
    STOPPING,
    TERMINATED,
    State,
)

__all__ = ["Action", "Application", "Decision", "decide"]

DYNAMIC_ALLOCATION = "spark.dynamicAllocation.enabled"
MAIN_CONTAINER = "spark.kubernetes.driver.podTemplateContainerName"


@dataclass(frozen=True)
class Application:
    """One application, as it was read.

    Attributes:
        spec: what is asked for; None where it cannot be read.
        status: what became of it so far; None at first.
        deleting: its deletion was asked for.
        problem: why the specification cannot be read.
    """

    spec: ApplicationSpec | None
    status: ApplicationStatus | None
    deleting: bool = False
    problem: str = ""


class Action(Enum):
    """What is to be done before the status is written."""

    REQUEST = auto()
    """Make the driver's resources: its success or refusal decides the next state."""
    RELEASE = auto()
    """Delete what there is of the attempt."""
    KILL = auto()
    """The same, without any more patience."""
    DELETE = auto()
    """Delete the application itself."""
    LET_GO = auto()
    """Take the finalizer away."""


@dataclass(frozen=True)
class Decision:
    """What to do, what to write down, and when to look again unless something happens before.

    Attributes:
        action: first, if anything.
        status: then, if it changes.
        again_s: seconds.
    """

    action: Action | None = None
    status: ApplicationStatus | None = None
    again_s: float | None = None


def decide(app: Application, seen: Seen, now: datetime) -> Decision:
    """The next step of an application; ``Decision()`` when there is none."""
    spec, status = app.spec or ApplicationSpec.model_construct(), app.status
    if app.deleting:
        return _deleting(spec, status, seen, now)
    if status is None:
        return Decision(status=ApplicationStatus.first(now))
    if status.state in TERMINATED:
        return _terminated(spec, status, seen, now)
    if status.state in STOPPING:
        return _stopping(spec, status, seen, now)
    if status.state in INITIALIZING:
        return _initializing(app, spec, status, now)
    return _with_driver(spec, status, seen, now)


def _deleting(
    spec: ApplicationSpec, status: ApplicationStatus | None, seen: Seen, now: datetime
) -> Decision:
    if seen.left:
        entry = status.current_state if status else None
        return _release(spec, entry, now)
    if status is None or status.state is State.RESOURCE_RELEASED:
        return Decision(Action.LET_GO)
    text = "the application is deleted; its resources are released"
    return Decision(status=status.entered(State.RESOURCE_RELEASED, now, text))


def _terminated(
    spec: ApplicationSpec, status: ApplicationStatus, seen: Seen, now: datetime
) -> Decision:
    tolerations = spec.application_tolerations
    if status.state is State.TERMINATED_WITHOUT_RELEASE:
        limits = (tolerations.resource_retain_duration_millis, tolerations.ttl_after_stop_millis)
        kept = [limit for limit in limits if limit >= 0]
        if not kept:
            return Decision()
        left_s = _left_s(status.current_state, min(kept), now)
        if left_s > 0:
            return Decision(again_s=left_s)
        if seen.left:
            return _release(spec, None, now)
        text = "what was retained is released"
        return Decision(status=status.entered(State.RESOURCE_RELEASED, now, text))
    if tolerations.ttl_after_stop_millis < 0:
        return Decision()
    entries = status.entries()
    stopped = entries[-2] if len(entries) > 1 else entries[-1]
    left_s = _left_s(stopped, tolerations.ttl_after_stop_millis, now)
    return Decision(again_s=left_s) if left_s > 0 else Decision(Action.DELETE)


def _stopping(
    spec: ApplicationSpec, status: ApplicationStatus, seen: Seen, now: datetime
) -> Decision:
    tolerations = spec.application_tolerations
    attempt = next_attempt(tolerations.restart_config, status)
    policy = tolerations.resource_retain_policy
    failed = status.state in FAILURES
    if attempt is None and (policy == "Always" or (policy == "OnFailure" and failed)):
        text = f"resources are retained, as resourceRetainPolicy {policy} says"
        return Decision(status=status.entered(State.TERMINATED_WITHOUT_RELEASE, now, text))
    if seen.left:
        return _release(spec, status.current_state, now)
    if attempt is not None:
        text = f"attempt {status.attempt.id} ended as {status.state.value}; another follows"
        return Decision(status=status.restarted(attempt, now, text))
    return Decision(status=status.entered(State.RESOURCE_RELEASED, now, "resources are released"))


def _initializing(
    app: Application, spec: ApplicationSpec, status: ApplicationStatus, now: datetime
) -> Decision:
    if app.problem:
        return Decision(status=status.entered(State.SCHEDULING_FAILURE, now, app.problem))
    if spec.deployment_mode == "ClientMode":
        text = "spec.deploymentMode ClientMode is not supported; allowed: ClusterMode"
        return Decision(status=status.entered(State.FAILED, now, text))
    if status.state is State.SCHEDULED_TO_RESTART:
        wait = backoff_millis(spec.application_tolerations.restart_config, _ended_as(status))
        left_s = _left_s(status.current_state, wait, now)
        if left_s > 0:
            return Decision(again_s=left_s)
    return Decision() if spec.suspend else Decision(Action.REQUEST)


def _with_driver(
    spec: ApplicationSpec, status: ApplicationStatus, seen: Seen, now: datetime
) -> Decision:
    changed = status
    while (following := _next(spec, changed, seen, now)) is not None:
        changed = following
        if changed.state in STOPPING:
            break
    if changed is not status:
        return Decision(status=changed)
    timeout = _timeout(spec, status.state)
    return Decision(again_s=_left_s(status.current_state, timeout, now) if timeout > 0 else None)


def _next(
    spec: ApplicationSpec, status: ApplicationStatus, seen: Seen, now: datetime
) -> ApplicationStatus | None:
    """The status one transition on; None where it stays."""
    driver, container = seen.driver, spec.spark_conf.get(MAIN_CONTAINER, "")
    ended = _ended(seen, container)
    if ended:
        observed = dict(driver.get("status") or {}) if driver else None
        return status.entered(ended.state, now, ended.message, observed)
    assert driver is not None
    state = status.state
    if state is State.DRIVER_REQUESTED and is_started(driver, container):
        return status.entered(State.DRIVER_STARTED, now, "the driver's container is ready")
    if state in (State.DRIVER_REQUESTED, State.DRIVER_STARTED) and is_ready(driver):
        return status.entered(State.DRIVER_READY, now, "the driver's pod is ready")
    if state not in (State.DRIVER_REQUESTED, State.DRIVER_STARTED):
        counted = _counted(spec, state, seen.ready_executors)
        if counted is not state:
            text = f"{seen.ready_executors} executors are ready"
            return status.entered(counted, now, text)
    return _timed_out(spec, status, seen, now)


def _ended(seen: Seen, container: str) -> Verdict | None:
    if seen.driver is None:
        return Verdict(State.FAILED, "the driver pod is gone, and nobody saw how it ended")
    found = verdict(seen.driver, container)
    if found is None and seen.gone:
        phase = (seen.driver.get("status") or {}).get("phase", "Pending")
        return Verdict(State.FAILED, f"the driver pod was deleted while it was {phase}")
    return found


def _counted(spec: ApplicationSpec, state: State, ready: int) -> State:
    """The state that so many ready executors make of one that has a ready driver."""
    wanted = spec.application_tolerations.instance_config
    starts = state in (State.DRIVER_READY, State.INITIALIZED_BELOW_THRESHOLD)
    if ready >= (wanted.init_executors if starts else wanted.min_executors):
        fixed = spec.spark_conf.get(DYNAMIC_ALLOCATION, "false").lower() != "true"
        partial = fixed and wanted.max_executors > 0 and ready < wanted.max_executors
        return State.RUNNING_WITH_PARTIAL_CAPACITY if partial else State.RUNNING_HEALTHY
    if starts:
        return State.INITIALIZED_BELOW_THRESHOLD if ready else state
    return State.RUNNING_WITH_BELOW_THRESHOLD


def _timed_out(
    spec: ApplicationSpec, status: ApplicationStatus, seen: Seen, now: datetime
) -> ApplicationStatus | None:
    millis = _timeout(spec, status.state)
    if millis <= 0 or _left_s(status.current_state, millis, now) > 0:
        return None
    state = {
        State.DRIVER_REQUESTED: State.DRIVER_START_TIMED_OUT,
        State.DRIVER_STARTED: State.DRIVER_READY_TIMED_OUT,
    }.get(status.state, State.EXECUTORS_START_TIMED_OUT)
    why = waits_for(seen.driver)
    if state is State.EXECUTORS_START_TIMED_OUT:
        wanted = spec.application_tolerations.instance_config.init_executors
        why = f"{seen.ready_executors} of {wanted} executors are ready"
    text = f"{status.state.value} for more than {millis} ms: {why}"
    observed = dict(seen.driver.get("status") or {}) if seen.driver else None
    return status.entered(state, now, text, observed)


def _timeout(spec: ApplicationSpec, state: State) -> int:
    """Milliseconds that a state may last; 0 for ever."""
    config = spec.application_tolerations.application_timeout_config
    return {
        State.DRIVER_REQUESTED: config.driver_start_timeout_millis,
        State.DRIVER_STARTED: config.driver_ready_timeout_millis,
        State.DRIVER_READY: config.executor_start_timeout_millis,
        State.INITIALIZED_BELOW_THRESHOLD: config.executor_start_timeout_millis,
    }.get(state, 0)


def _release(spec: ApplicationSpec, entry: StateEntry | None, now: datetime) -> Decision:
    config = spec.application_tolerations.application_timeout_config
    patience = config.force_termination_grace_period_millis
    over = entry is not None and patience > 0 and _left_s(entry, patience, now) <= 0
    again_s = max(config.termination_requeue_period_millis, 1) / 1000
    return Decision(Action.KILL if over else Action.RELEASE, again_s=again_s)


def _ended_as(status: ApplicationStatus) -> State:
    """The last state of the attempt before this one."""
    previous = status.previous_attempt_summary
    history = previous.state_transition_history if previous else None
    if not history:
        return State.FAILED
    return history[max(history, key=int)].current_state_summary


def _left_s(entry: StateEntry, millis: int, now: datetime) -> float:
    """Seconds that are left of so many milliseconds in a state; 0 and less when they are over.

    A clock that went back must not make a wait longer than it is.
    """
    lasted_s = max((now - entry.since).total_seconds(), 0.0)
    return millis / 1000 - lasted_s
