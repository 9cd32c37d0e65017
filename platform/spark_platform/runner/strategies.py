"""Where policy plugs in: three questions that the Runner asks, each with all that it knows.

Answers are data, and are recorded with the run. A strategy has no effects of its own and may be
asked again about the same attempt after a crash: the same history should give the same answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from spark_platform.model import Executors, Observation, Size
from spark_platform.runner.failures import Failure
from spark_platform.runner.records import Attempt, FailureClass, Run

__all__ = [
    "AfterFailure",
    "ChooseParameters",
    "GiveUp",
    "InfrastructureRetries",
    "KeepGoing",
    "Parameters",
    "Retry",
    "Stop",
    "Strategies",
    "WhileRunning",
    "as_asked",
    "keep_going",
]


@dataclass(frozen=True)
class Parameters:
    """How large an attempt is.

    Attributes:
        conf: Spark's settings on top of the job's.
        why: for people.
    """

    driver: Size
    executors: Executors
    conf: dict[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Retry:
    """Another attempt.

    Attributes:
        after_s: seconds from the failure until it begins.
    """

    after_s: float
    why: str


@dataclass(frozen=True)
class GiveUp:
    """The run has failed."""

    why: str


@dataclass(frozen=True)
class KeepGoing:
    """Nothing is to be changed."""


@dataclass(frozen=True)
class Stop:
    """The run is to end now, as one that was cancelled."""

    why: str


class ChooseParameters(Protocol):
    """Asked before each attempt: how large shall it be?"""

    def __call__(self, run: Run, number: int) -> Parameters:
        """The sizes of attempt ``number``; the run has the attempts before it."""


class AfterFailure(Protocol):
    """Asked when an attempt has failed: shall there be another?"""

    def __call__(
        self, run: Run, attempt: Attempt, observation: Observation, failure: Failure
    ) -> Retry | GiveUp:
        """What follows the newest attempt's failure."""


class WhileRunning(Protocol):
    """Asked whenever a running attempt is looked at: shall it go on?"""

    def __call__(
        self, run: Run, attempt: Attempt, observation: Observation, now: datetime
    ) -> KeepGoing | Stop:
        """What is to become of it."""


def as_asked(run: Run, number: int) -> Parameters:
    """The sizes that the job asks for, whatever became of attempts before."""
    del number
    return Parameters(run.job.driver, run.job.executors, why="as the job asks")


def keep_going(
    run: Run, attempt: Attempt, observation: Observation, now: datetime
) -> KeepGoing | Stop:
    """Leave what runs alone."""
    del run, attempt, observation, now
    return KeepGoing()


@dataclass(frozen=True)
class InfrastructureRetries:
    """Tries again what failed through no fault of the job, as often as the job allows.

    Attributes:
        kinds: the classes that are no fault of the job.
        most: attempts of any run, whatever its job allows.
        longest_s: between two attempts, in seconds.
    """

    kinds: frozenset[FailureClass] = frozenset(
        {FailureClass.INFRASTRUCTURE, FailureClass.SCHEDULING}
    )
    most: int = 8
    longest_s: float = 600.0

    def __call__(
        self, run: Run, attempt: Attempt, observation: Observation, failure: Failure
    ) -> Retry | GiveUp:
        del observation
        if failure.kind not in self.kinds:
            return GiveUp(f"{failure.kind.value}: {failure.rule}")
        allowed = min(run.job.retries.attempts or self.most, self.most)
        if attempt.number >= allowed:
            return GiveUp(f"{failure.kind.value}: {failure.rule}; {allowed} attempts are over")
        wait_s = run.job.retries.backoff_s * 2 ** (attempt.number - 1)
        wait_s = min(wait_s, self.longest_s) * _spread(run.run_id, attempt.number)
        return Retry(round(wait_s, 3), f"{failure.kind.value}: {failure.rule}")


def _spread(run_id: str, number: int) -> float:
    """Between 0.8 and 1.2, so that what failed together does not come back together."""
    digest = hashlib.sha256(f"{run_id} {number}".encode()).digest()
    return 0.8 + 0.4 * digest[0] / 255


@dataclass(frozen=True)
class Strategies:
    """The policies of a Runner."""

    choose_parameters: ChooseParameters = as_asked
    after_failure: AfterFailure = field(default_factory=InfrastructureRetries)
    while_running: WhileRunning = keep_going
