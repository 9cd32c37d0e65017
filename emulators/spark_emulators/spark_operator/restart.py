"""Whether another attempt follows one that ended.

Source: the Apache operator's ``RestartPolicy`` and its order of limits: all restarts, then those
after scheduling failures, then those after failures. A limit of 3 allows four attempts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from spark_emulators.spark_operator.resources.application import RestartConfig
from spark_emulators.spark_operator.resources.status import ApplicationStatus, AttemptInfo
from spark_emulators.spark_operator.states import (
    FAILURES,
    INFRASTRUCTURE_FAILURES,
    INITIALIZING,
    STOPPING,
    State,
)

__all__ = ["backoff_millis", "next_attempt", "restarts_from"]

_POLICIES = {
    "Never": frozenset[State](),
    "Always": STOPPING,
    "OnFailure": FAILURES,
    "OnInfrastructureFailure": INFRASTRUCTURE_FAILURES,
}


def restarts_from(config: RestartConfig, state: State) -> bool:
    """Whether the policy restarts what ended so."""
    return state in _POLICIES[config.restart_policy]


def next_attempt(config: RestartConfig, status: ApplicationStatus) -> AttemptInfo | None:
    """The attempt that follows the current one, which has ended; None where none does."""
    if not restarts_from(config, status.state):
        return None
    counted = _counted(config, status)
    limits = [(counted.restart_counter, config.max_restart_attempts)]
    if status.state is State.SCHEDULING_FAILURE and (
        config.max_restart_on_scheduling_failure is not None
    ):
        limits.append(
            (counted.scheduling_failure_restart_counter, config.max_restart_on_scheduling_failure)
        )
    elif status.state in FAILURES and config.max_restart_on_failure is not None:
        limits.append((counted.failure_restart_counter, config.max_restart_on_failure))
    return None if any(counter > limit for counter, limit in limits) else counted


def backoff_millis(config: RestartConfig, last: State) -> int:
    """How long the attempt after one that ended as ``last`` waits."""
    choices: tuple[int | None, ...] = ()
    if last is State.SCHEDULING_FAILURE:
        choices = (
            config.restart_backoff_millis_for_scheduling_failure,
            config.restart_backoff_millis_for_failure,
        )
    elif last in FAILURES:
        choices = (config.restart_backoff_millis_for_failure,)
    given = [each for each in choices if each is not None]
    return given[0] if given else config.restart_backoff_millis


def _counted(config: RestartConfig, status: ApplicationStatus) -> AttemptInfo:
    old, state = status.attempt, status.state
    if _lasted_long(config.restart_counter_reset_millis, status):
        return AttemptInfo(id=old.id + 1, restart_counter=1)
    failed, unscheduled = state in FAILURES, state is State.SCHEDULING_FAILURE
    return AttemptInfo(
        id=old.id + 1,
        restart_counter=old.restart_counter + 1,
        failure_restart_counter=old.failure_restart_counter + 1 if failed else 0,
        scheduling_failure_restart_counter=(
            old.scheduling_failure_restart_counter + 1 if unscheduled else 0
        ),
    )


def _lasted_long(reset_millis: int, status: ApplicationStatus) -> bool:
    if reset_millis < 0:
        return False
    began: datetime | None = None
    for entry in status.entries():
        if entry.current_state_summary in INITIALIZING:
            began = entry.since
    ended = status.current_state.since
    return began is not None and ended - began >= timedelta(milliseconds=reset_millis)
