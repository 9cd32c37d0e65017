"""A job run of EMR Serverless as data, and the only moves it can make: pure.

A run has attempts, and is in the state of its last one. What acts on moves is ``serverless``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from spark_emulators.emr.errors import IllegalMove

__all__ = [
    "MOVES",
    "TERMINAL",
    "Attempt",
    "Event",
    "JobRun",
    "State",
    "advance",
    "billed",
    "may_retry",
    "new_run",
    "runs_s",
    "try_again",
]

_SHORTEST_BILLED_S = 60
_MEMORY_GB_PER_CORE = 4
_HOUR_S = 3600


class State(str, Enum):
    """As the API spells them."""

    SUBMITTED = "SUBMITTED"
    QUEUED = "QUEUED"
    PENDING = "PENDING"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


class Event(Enum):
    """What can happen to a run."""

    QUEUE = "no place is free"
    ADMIT = "it has a place"
    SCHEDULE = "workers are found"
    LAUNCH = "the driver runs"
    SUCCEED = "the driver ended well"
    FAIL = "it failed"
    CANCEL = "somebody, or its time limit, wants it to end"
    STOPPED = "nothing of it runs any more"


TERMINAL = frozenset({State.SUCCESS, State.FAILED, State.CANCELLED})
_S, _E = State, Event
MOVES: dict[tuple[State, Event], State] = {
    (_S.SUBMITTED, _E.QUEUE): _S.QUEUED,
    (_S.SUBMITTED, _E.ADMIT): _S.PENDING,
    (_S.QUEUED, _E.ADMIT): _S.PENDING,
    (_S.PENDING, _E.SCHEDULE): _S.SCHEDULED,
    (_S.SCHEDULED, _E.LAUNCH): _S.RUNNING,
    (_S.RUNNING, _E.SUCCEED): _S.SUCCESS,
    **{
        (state, _E.FAIL): _S.FAILED
        for state in (_S.SUBMITTED, _S.QUEUED, _S.PENDING, _S.SCHEDULED, _S.RUNNING)
    },
    **{
        (state, _E.CANCEL): _S.CANCELLING
        for state in State
        if state not in TERMINAL  # asked twice, it still is CANCELLING
    },
    (_S.CANCELLING, _E.STOPPED): _S.CANCELLED,
}


@dataclass(frozen=True)
class Attempt:
    """One try. Times are seconds since the epoch.

    Attributes:
        number: from 1.
        history: every state it was in, with the time it entered it.
    """

    number: int
    details: str
    history: tuple[tuple[State, float], ...]

    @property
    def state(self) -> State:
        return self.history[-1][0]

    @property
    def created_at(self) -> float:
        return self.history[0][1]

    @property
    def updated_at(self) -> float:
        return self.history[-1][1]

    def entered(self, *states: State) -> float | None:
        """When it first was in one of ``states``; None where it never was."""
        return next((at for state, at in self.history if state in states), None)


@dataclass(frozen=True)
class JobRun:
    """A run, whatever it runs."""

    id: str
    attempts: tuple[Attempt, ...]

    @property
    def last(self) -> Attempt:
        return self.attempts[-1]

    @property
    def state(self) -> State:
        return self.last.state

    @property
    def created_at(self) -> float:
        return self.attempts[0].created_at

    @property
    def started_at(self) -> float | None:
        """When its first driver ran."""
        starts = (attempt.entered(State.RUNNING) for attempt in self.attempts)
        return next((at for at in starts if at is not None), None)

    @property
    def ended_at(self) -> float | None:
        return self.last.entered(*TERMINAL)

    @property
    def queued_s(self) -> float:
        first = self.attempts[0]
        queued = first.entered(State.QUEUED)
        if queued is None:
            return 0
        left = (at for state, at in first.history if state is not State.QUEUED and at >= queued)
        return next(left, queued) - queued


def new_run(run_id: str, now: float) -> JobRun:
    """A run as it is accepted."""
    return JobRun(run_id, (Attempt(1, "Job run is submitted", ((State.SUBMITTED, now),)),))


def advance(run: JobRun, event: Event, now: float, details: str) -> JobRun:
    """The run after ``event``.

    Args:
        now: seconds since the epoch.
        details: why, for people.

    Raises:
        IllegalMove: nothing like that can happen in the run's state.
    """
    target = MOVES.get((run.state, event))
    if target is None:
        raise IllegalMove(
            f"job run {run.id} is {run.state.value}: {event.name} cannot happen to it"
        )
    if target is run.state:
        return run
    last = replace(run.last, details=details, history=(*run.last.history, (target, now)))
    return replace(run, attempts=(*run.attempts[:-1], last))


def try_again(run: JobRun, now: float) -> JobRun:
    """The run with another attempt, which has its place already.

    Raises:
        IllegalMove: the last one has not failed.
    """
    if run.state is not State.FAILED:
        raise IllegalMove(f"job run {run.id} is {run.state.value}: there is nothing to retry")
    number = run.last.number + 1
    attempt = Attempt(number, f"Attempt {number}: waiting for workers", ((State.PENDING, now),))
    return replace(run, attempts=(*run.attempts, attempt))


def may_retry(run: JobRun, now: float, max_attempts: int | None, failures_per_hour: int) -> bool:
    """Whether a run whose last attempt failed may have another.

    Args:
        max_attempts: of a batch job; None for a streaming job.
        failures_per_hour: of a streaming job.
    """
    if run.state is not State.FAILED:
        return False
    if max_attempts is not None:
        return len(run.attempts) < max_attempts
    recent = [each for each in run.attempts if each.updated_at > now - _HOUR_S]
    return len(recent) < failures_per_hour


def runs_s(run: JobRun, now: float) -> float:
    """Seconds that drivers of the run have run, up to now."""
    total = 0.0
    for attempt in run.attempts:
        start = attempt.entered(State.RUNNING)
        if start is not None:
            total += (attempt.entered(*TERMINAL) or now) - start
    return total


def billed(seconds: float, cores: int) -> dict[str, float]:
    """What so many seconds of a driver of ``cores`` would be billed as: a minute at least."""
    hours = max(seconds, _SHORTEST_BILLED_S) / _HOUR_S if seconds > 0 else 0.0
    return {
        "vCPUHour": round(cores * hours, 3),
        "memoryGBHour": round(cores * _MEMORY_GB_PER_CORE * hours, 3),
        "storageGBHour": 0.0,  # the first 20 GB cost nothing
    }
