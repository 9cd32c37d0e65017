"""How a run goes on: what to do next, and what an answer makes of it. Pure.

Each step is recorded before its effect where a crash between the two would lose something, and
every effect is safe to repeat: an attempt has its name before any backend hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from spark_platform.model import Observation, RunState
from spark_platform.runner.failures import Failure, classify
from spark_platform.runner.records import Attempt, Run, Transition
from spark_platform.runner.strategies import GiveUp, Parameters, Retry

__all__ = [
    "Pace",
    "Step",
    "begun",
    "cancelled",
    "ended",
    "failed",
    "is_news",
    "is_same",
    "next_step",
    "observed",
    "steps_between",
    "stopping",
]

_RANK = {
    RunState.ACCEPTED: 0,
    RunState.SUBMITTED: 1,
    RunState.PENDING: 2,
    RunState.RUNNING: 3,
}


class Step(Enum):
    """What a run waits for."""

    NOTHING = "it has ended"
    BEGIN = "an attempt is to be recorded"
    SUBMIT = "its backend is to have the attempt"
    OBSERVE = "its backend is to be asked"
    CANCEL = "its backend is to end the attempt"
    GIVE_UP = "it was cancelled before an attempt began"


@dataclass(frozen=True)
class Pace:
    """How often a run is looked at, whatever its backend tells by itself.

    Attributes:
        moving_s: seconds, while it comes up or ends; one that comes up slowly is looked at less and
            less often.
        steady_s: seconds, while it runs, or where the backend does not answer.
    """

    moving_s: float = 1.0
    steady_s: float = 10.0


def next_step(run: Run) -> Step:
    """What to do about a run now."""
    if run.state.ended:
        return Step.NOTHING
    attempt = run.current
    if attempt is None or attempt.state.ended:
        return Step.GIVE_UP if run.cancel_reason else Step.BEGIN
    if run.cancel_reason and not attempt.cancelling:
        return Step.CANCEL
    if attempt.state is RunState.ACCEPTED and not attempt.cancelling:
        return Step.SUBMIT
    return Step.OBSERVE


def begun(run: Run, chosen: Parameters, now: datetime) -> Run:
    """The run with one more attempt, which no backend knows yet."""
    number = len(run.attempts) + 1
    image = run.image
    spec = run.job.spec(f"{run.run_id}-{number}", image.tag, image.spark_version)
    spec = replace(
        spec,
        driver=chosen.driver,
        executors=chosen.executors,
        conf={**spec.conf, **chosen.conf},
        labels={**spec.labels, "spark-platform/run": run.run_id},
    )
    attempt = Attempt(number, spec, created_at=now)
    return replace(run, attempts=(*run.attempts, attempt), due_at=now)


def observed(run: Run, seen: Observation, backend: str, now: datetime, pace: Pace) -> Run:
    """The run with what its backend says of the attempt, as long as that has not ended.

    A report that is older than what is known changes nothing; one of an end is for ``ended``.
    """
    after = _told(run, seen, backend)
    attempt = after.current
    assert attempt is not None
    return replace(after, due_at=now + timedelta(seconds=_wait_s(attempt, seen, now, pace)))


def is_news(run: Run, seen: Observation) -> bool:
    """Whether a backend tells anything that is not known of a run."""
    attempt = run.current
    if attempt is None or attempt.state.ended or attempt.spec.name != seen.name:
        return False
    return seen.state.ended or _told(run, seen, attempt.backend) != run


def is_same(before: Run, after: Run) -> bool:
    """Whether nothing has changed but when the run is looked at next."""
    return replace(after, due_at=before.due_at) == before


def ended(
    run: Run, seen: Observation, backend: str, now: datetime, failure: Failure | None = None
) -> tuple[Run, Failure | None]:
    """The run with an attempt that has ended; of one that failed, why.

    One that failed is the run's end only once it was decided that no other attempt follows.

    Args:
        failure: why, where that is known beyond what was seen.
    """
    attempt = run.current
    assert attempt is not None
    assert seen.state.ended
    state, reason = seen.state, seen.reason
    if state is RunState.FAILED and run.cancel_reason:
        # what was asked to end may end by any code
        state, reason = RunState.CANCELLED, run.cancel_reason
    elif state is RunState.CANCELLED:
        reason = run.cancel_reason or seen.reason or "it was ended by somebody else"
    failure = (failure or classify(seen)) if state is RunState.FAILED else None
    changed = replace(
        attempt,
        state=state,
        reason=reason,
        failure=failure.kind if failure else None,
        backend=backend,
        cluster=seen.cluster or attempt.cluster,
        application=seen.application or attempt.application,
        exit_code=seen.exit_code,
        degraded=False,
        started_at=seen.started_at or attempt.started_at,
        ended_at=seen.ended_at or now,
        ui="",
        logs=seen.logs or attempt.logs,
    )
    made = _with(run, changed)
    return (made, failure) if failure else (_over(made, state, reason, now), None)


def failed(run: Run, decision: Retry | GiveUp, now: datetime) -> Run:
    """The run after it was decided what follows its attempt's failure."""
    attempt = run.current
    assert attempt is not None
    assert attempt.state is RunState.FAILED
    if isinstance(decision, GiveUp):
        return _over(run, RunState.FAILED, attempt.reason or decision.why, now)
    reason = f"attempt {attempt.number} failed ({decision.why}); another follows"
    due = now + timedelta(seconds=decision.after_s)
    return replace(run, state=RunState.ACCEPTED, reason=reason, due_at=due)


def stopping(run: Run, now: datetime, pace: Pace) -> Run:
    """The run whose backend was told to end the attempt."""
    attempt = run.current
    assert attempt is not None
    due = now + timedelta(seconds=pace.moving_s)
    return replace(_with(run, replace(attempt, cancelling=True)), due_at=due)


def cancelled(run: Run, now: datetime) -> Run:
    """The run that ended before, or without, an attempt."""
    attempt = run.current
    if attempt is not None and not attempt.state.ended:
        over = {"state": RunState.CANCELLED, "reason": run.cancel_reason, "ended_at": now}
        run = _with(run, replace(attempt, **over))  # type: ignore[arg-type]
    return _over(run, RunState.CANCELLED, run.cancel_reason, now)


def steps_between(before: Run, after: Run, now: datetime) -> list[Transition]:
    """What is to be written into the history of a run that has changed."""
    found = []
    known = {each.number: each.state for each in before.attempts}
    for each in after.attempts:
        if known.get(each.number) is not each.state:
            found.append(Transition(each.number, each.state, each.reason, now))
    if before.state is not after.state or before.cancel_reason != after.cancel_reason:
        reason = after.reason if after.state is not before.state else after.cancel_reason
        found.append(Transition(0, after.state, reason, now))
    return found


def _told(run: Run, seen: Observation, backend: str) -> Run:
    attempt = run.current
    assert attempt is not None
    assert not seen.state.ended
    newer = _RANK.get(seen.state, -1) >= _RANK[attempt.state]
    state = seen.state if newer else attempt.state
    changed = replace(
        attempt,
        state=state,
        reason=seen.reason if newer else attempt.reason,
        backend=backend,
        cluster=seen.cluster,
        application=seen.application or attempt.application,
        degraded=seen.degraded,
        started_at=seen.started_at or attempt.started_at,
        ui=seen.ui or attempt.ui,
        logs=seen.logs or attempt.logs,
    )
    return replace(_with(run, changed), state=state, reason=changed.reason)


def _wait_s(attempt: Attempt, seen: Observation, now: datetime, pace: Pace) -> float:
    if seen.state is RunState.UNKNOWN:
        return pace.steady_s
    if attempt.cancelling:
        return pace.moving_s
    if attempt.state is RunState.RUNNING:
        return pace.steady_s
    age_s = (now - attempt.created_at).total_seconds() if attempt.created_at else 0.0
    return min(max(age_s, pace.moving_s), pace.steady_s)


def _with(run: Run, attempt: Attempt) -> Run:
    return replace(run, attempts=(*run.attempts[:-1], attempt))


def _over(run: Run, state: RunState, reason: str, now: datetime) -> Run:
    return replace(run, state=state, reason=reason, ended_at=now, due_at=None)
