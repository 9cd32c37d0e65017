"""The states of a SparkApplication and the transitions between them, as a table.

Source: the Apache Spark Kubernetes Operator's ``ApplicationStateSummary`` and the observers that
enter its states.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

__all__ = [
    "FAILURES",
    "INFRASTRUCTURE_FAILURES",
    "INITIALIZING",
    "RUNNING",
    "STARTING",
    "STOPPING",
    "TERMINATED",
    "TRANSITIONS",
    "WITH_DRIVER",
    "State",
]


class State(str, Enum):
    """In the order in which an application comes to them."""

    SUBMITTED = "Submitted"
    SCHEDULED_TO_RESTART = "ScheduledToRestart"
    DRIVER_REQUESTED = "DriverRequested"
    DRIVER_STARTED = "DriverStarted"
    DRIVER_READY = "DriverReady"
    INITIALIZED_BELOW_THRESHOLD = "InitializedBelowThresholdExecutors"
    RUNNING_HEALTHY = "RunningHealthy"
    RUNNING_WITH_PARTIAL_CAPACITY = "RunningWithPartialCapacity"
    RUNNING_WITH_BELOW_THRESHOLD = "RunningWithBelowThresholdExecutors"
    DRIVER_START_TIMED_OUT = "DriverStartTimedOut"
    EXECUTORS_START_TIMED_OUT = "ExecutorsStartTimedOut"
    DRIVER_READY_TIMED_OUT = "DriverReadyTimedOut"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SCHEDULING_FAILURE = "SchedulingFailure"
    DRIVER_EVICTED = "DriverEvicted"
    RESOURCE_RELEASED = "ResourceReleased"
    TERMINATED_WITHOUT_RELEASE = "TerminatedWithoutReleaseResources"


_ = State
INITIALIZING = frozenset({_.SUBMITTED, _.SCHEDULED_TO_RESTART})
STARTING = frozenset(
    {_.DRIVER_REQUESTED, _.DRIVER_STARTED, _.DRIVER_READY, _.INITIALIZED_BELOW_THRESHOLD}
)
RUNNING = frozenset(
    {_.RUNNING_HEALTHY, _.RUNNING_WITH_PARTIAL_CAPACITY, _.RUNNING_WITH_BELOW_THRESHOLD}
)
WITH_DRIVER = STARTING | RUNNING
FAILURES = frozenset(
    {
        _.DRIVER_START_TIMED_OUT,
        _.EXECUTORS_START_TIMED_OUT,
        _.DRIVER_READY_TIMED_OUT,
        _.FAILED,
        _.SCHEDULING_FAILURE,
        _.DRIVER_EVICTED,
    }
)
INFRASTRUCTURE_FAILURES = frozenset(
    {_.DRIVER_START_TIMED_OUT, _.EXECUTORS_START_TIMED_OUT, _.SCHEDULING_FAILURE}
)
STOPPING = FAILURES | {_.SUCCEEDED}
TERMINATED = frozenset({_.RESOURCE_RELEASED, _.TERMINATED_WITHOUT_RELEASE})

_ENDS = {
    _.SUCCEEDED: "driver succeeded",
    _.FAILED: "driver failed or gone",
    _.DRIVER_EVICTED: "driver evicted",
}
_EXECUTORS = {
    _.RUNNING_HEALTHY: "enough executors",
    _.RUNNING_WITH_PARTIAL_CAPACITY: "fewer than maxExecutors",
}
_START = {
    _.DRIVER_REQUESTED: "resources accepted",
    _.SCHEDULING_FAILURE: "resources refused",
    _.FAILED: "client mode, or a route that cannot be",
}
_STOP = {
    _.SCHEDULED_TO_RESTART: "restart allowed",
    _.RESOURCE_RELEASED: "no restart, release",
    _.TERMINATED_WITHOUT_RELEASE: "no restart, retain",
}

# from → to → on; deletion leads from each to ResourceReleased and stands in none
TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    _.SUBMITTED: _START,
    _.SCHEDULED_TO_RESTART: _START,
    _.DRIVER_REQUESTED: {
        _.DRIVER_STARTED: "container ready",
        _.DRIVER_READY: "pod ready",
        _.DRIVER_START_TIMED_OUT: "driverStartTimeout",
        **_ENDS,
    },
    _.DRIVER_STARTED: {
        _.DRIVER_READY: "pod ready",
        _.DRIVER_READY_TIMED_OUT: "driverReadyTimeout",
        **_ENDS,
    },
    _.DRIVER_READY: {
        _.INITIALIZED_BELOW_THRESHOLD: "some executors",
        **_EXECUTORS,
        _.EXECUTORS_START_TIMED_OUT: "executorStartTimeout",
        **_ENDS,
    },
    _.INITIALIZED_BELOW_THRESHOLD: {
        **_EXECUTORS,
        _.EXECUTORS_START_TIMED_OUT: "executorStartTimeout",
        **_ENDS,
    },
    _.RUNNING_HEALTHY: {
        _.RUNNING_WITH_PARTIAL_CAPACITY: "fewer than maxExecutors",
        _.RUNNING_WITH_BELOW_THRESHOLD: "fewer than minExecutors",
        **_ENDS,
    },
    _.RUNNING_WITH_PARTIAL_CAPACITY: {
        _.RUNNING_HEALTHY: "enough executors",
        _.RUNNING_WITH_BELOW_THRESHOLD: "fewer than minExecutors",
        **_ENDS,
    },
    _.RUNNING_WITH_BELOW_THRESHOLD: {**_EXECUTORS, **_ENDS},
    **dict.fromkeys((*sorted(STOPPING, key=list(State).index),), _STOP),
    _.TERMINATED_WITHOUT_RELEASE: {_.RESOURCE_RELEASED: "retention over"},
    _.RESOURCE_RELEASED: {},
}
del _
