"""A step of an EMR cluster as data, and the only moves it can make: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from spark_emulators.emr.errors import IllegalMove
from spark_emulators.emr.jobs import SparkJob

__all__ = [
    "ENDED",
    "MOVES",
    "OnFailure",
    "Step",
    "StepEvent",
    "StepState",
    "advance_step",
    "next_steps",
]


class StepState(str, Enum):
    """As the API spells them."""

    PENDING = "PENDING"
    CANCEL_PENDING = "CANCEL_PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"


class StepEvent(Enum):
    """What can happen to a step."""

    START = "its turn has come"
    COMPLETE = "it ended well"
    FAIL = "it failed"
    CANCEL = "somebody wants it to end"
    STOPPED = "nothing of it runs any more"
    INTERRUPT = "its cluster is gone"


class OnFailure(str, Enum):
    """What a step's failure does to its cluster."""

    CONTINUE = "CONTINUE"
    CANCEL_AND_WAIT = "CANCEL_AND_WAIT"
    TERMINATE_CLUSTER = "TERMINATE_CLUSTER"
    TERMINATE_JOB_FLOW = "TERMINATE_JOB_FLOW"


_S, _E = StepState, StepEvent
ENDED = frozenset({_S.COMPLETED, _S.CANCELLED, _S.FAILED, _S.INTERRUPTED})
MOVES: dict[tuple[StepState, StepEvent], StepState] = {
    (_S.PENDING, _E.START): _S.RUNNING,
    (_S.PENDING, _E.CANCEL): _S.CANCELLED,
    (_S.PENDING, _E.INTERRUPT): _S.CANCELLED,
    (_S.PENDING, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.COMPLETE): _S.COMPLETED,
    (_S.RUNNING, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.CANCEL): _S.CANCEL_PENDING,
    (_S.RUNNING, _E.INTERRUPT): _S.INTERRUPTED,
    (_S.CANCEL_PENDING, _E.CANCEL): _S.CANCEL_PENDING,
    (_S.CANCEL_PENDING, _E.STOPPED): _S.CANCELLED,
    (_S.CANCEL_PENDING, _E.INTERRUPT): _S.INTERRUPTED,
}


@dataclass(frozen=True)
class Step:
    """A step. Times are seconds since the epoch.

    Attributes:
        jar: as it was given.
        args: as they were given.
        reason: why it failed, for people.
        message: its last exceptions.
        logs: where its logs go, without a final slash; empty for nowhere.
        history: every state it was in, with the time it entered it.
    """

    id: str
    name: str
    job: SparkJob
    jar: str
    args: tuple[str, ...]
    on_failure: OnFailure
    logs: str
    history: tuple[tuple[StepState, float], ...]
    reason: str = ""
    message: str = ""
    role: str = ""

    @property
    def state(self) -> StepState:
        return self.history[-1][0]

    def entered(self, *states: StepState) -> float | None:
        """When it first was in one of ``states``; None where it never was."""
        return next((at for state, at in self.history if state in states), None)


def advance_step(
    step: Step, event: StepEvent, now: float, *, reason: str = "", message: str = ""
) -> Step:
    """The step after ``event``.

    Raises:
        IllegalMove: nothing like that can happen in the step's state.
    """
    target = MOVES.get((step.state, event))
    if target is None:
        raise IllegalMove(f"step {step.id} is {step.state.value}: {event.name} cannot happen to it")
    if target is step.state:
        return step
    return replace(step, history=(*step.history, (target, now)), reason=reason, message=message)


def next_steps(steps: Sequence[Step], concurrency: int) -> list[Step]:
    """Those whose turn has come: in order, and no more at once than the cluster allows."""
    busy = sum(step.state in (StepState.RUNNING, StepState.CANCEL_PENDING) for step in steps)
    pending = [step for step in steps if step.state is StepState.PENDING]
    return pending[: max(0, concurrency - busy)]
