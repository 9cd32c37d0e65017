"""The state machines of job runs and steps, and whether what they say is consistent."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.emr.errors import IllegalMove
from spark_emulators.emr.jobruns import (
    MOVES,
    TERMINAL,
    Event,
    JobRun,
    State,
    advance,
    billed,
    may_retry,
    new_run,
    runs_s,
    try_again,
)
from spark_emulators.emr.jobs import SparkJob
from spark_emulators.emr.steps import (
    ENDED,
    OnFailure,
    Step,
    StepEvent,
    StepState,
    advance_step,
    next_steps,
)
from spark_emulators.emr.steps import MOVES as STEP_MOVES

TO_RUNNING = (Event.ADMIT, Event.SCHEDULE, Event.LAUNCH)


def after(*events: Event, run: JobRun | None = None) -> JobRun:
    run = run or new_run("r", 0)
    for second, event in enumerate(events, start=1):
        run = advance(run, event, run.last.updated_at + second, event.value)
    return run


def states(run: JobRun) -> list[State]:
    return [state for state, _ in run.last.history]


def test_a_run_takes_the_documented_way() -> None:
    assert states(after(*TO_RUNNING, Event.SUCCEED)) == [
        State.SUBMITTED,
        State.PENDING,
        State.SCHEDULED,
        State.RUNNING,
        State.SUCCESS,
    ]
    assert states(after(Event.QUEUE, *TO_RUNNING))[1] is State.QUEUED


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_a_run_makes_no_move_but_those_of_the_table(events: list[Event]) -> None:
    run, now = new_run("r", 0), 0.0
    for event in events:
        now += 1
        legal = (run.state, event) in MOVES
        before = run
        try:
            run = advance(run, event, now, "why")
        except IllegalMove:
            assert not legal
            assert run is before
        else:
            assert legal
            assert before.state not in TERMINAL
    times = [at for _, at in run.last.history]
    assert times == sorted(times)
    seen = states(run)
    assert len(seen) == len(set(seen))
    assert (run.ended_at is not None) == (run.state in TERMINAL)


def test_every_state_can_be_reached_and_left() -> None:
    assert set(MOVES.values()) == set(State) - {State.SUBMITTED}
    assert {state for state, _ in MOVES} == set(State) - TERMINAL
    assert set(STEP_MOVES.values()) == set(StepState) - {StepState.PENDING}
    assert {state for state, _ in STEP_MOVES} == set(StepState) - ENDED


def test_asked_twice_to_end_it_stays_as_it_is() -> None:
    run = after(*TO_RUNNING, Event.CANCEL)
    assert advance(run, Event.CANCEL, 99, "again") is run


def test_attempts_follow_failures_only() -> None:
    failed = after(*TO_RUNNING, Event.FAIL)
    again = try_again(failed, 10)
    assert [each.state for each in again.attempts] == [State.FAILED, State.PENDING]
    assert again.last.number == 2
    assert again.created_at == 0
    with pytest.raises(IllegalMove):
        try_again(after(*TO_RUNNING), 10)


@given(st.integers(1, 10))
def test_a_batch_job_has_so_many_attempts(allowed: int) -> None:
    run = after(*TO_RUNNING, Event.FAIL)
    while may_retry(run, run.last.updated_at, allowed, 5):
        run = after(Event.SCHEDULE, Event.LAUNCH, Event.FAIL, run=try_again(run, 1))
    assert len(run.attempts) == allowed


def test_a_streaming_job_fails_when_it_fails_too_often() -> None:
    run = after(*TO_RUNNING, Event.FAIL)
    for _ in range(3):
        run = after(Event.SCHEDULE, Event.LAUNCH, Event.FAIL, run=try_again(run, 1))
    ended_at = run.last.updated_at
    assert not may_retry(run, ended_at, None, 4)
    assert may_retry(run, ended_at, None, 5)
    assert may_retry(run, ended_at + 3600, None, 4)


def test_what_did_not_fail_is_not_retried() -> None:
    assert not may_retry(after(*TO_RUNNING, Event.CANCEL, Event.STOPPED), 9, 10, 10)


def test_time_is_counted_while_drivers_run() -> None:
    run = after(
        Event.QUEUE, *TO_RUNNING
    )  # queued at 1, admitted at 3, scheduled at 6, running at 10
    assert run.queued_s == 2
    assert run.started_at == 10
    assert runs_s(run, 17) == 7
    assert runs_s(advance(run, Event.SUCCEED, 15, ""), 99) == 5
    assert runs_s(new_run("r", 0), 99) == 0


@pytest.mark.parametrize(
    ("seconds", "cores", "vcpu_hours"), [(0, 4, 0), (1, 3, 0.05), (60, 3, 0.05), (3600, 4, 4)]
)
def test_a_minute_is_billed_at_least(seconds: float, cores: int, vcpu_hours: float) -> None:
    assert billed(seconds, cores)["vCPUHour"] == vcpu_hours


def step(number: int, state: StepState = StepState.PENDING) -> Step:
    return Step(
        id=f"s-{number}",
        name="s",
        job=SparkJob(str(Path("/x"))),
        jar="command-runner.jar",
        args=(),
        on_failure=OnFailure.CONTINUE,
        logs="",
        history=((state, 0.0),),
    )


@given(st.lists(st.sampled_from(StepState), max_size=12), st.integers(1, 5))
def test_steps_start_in_order_and_never_too_many(found: list[StepState], limit: int) -> None:
    steps = [step(number, state) for number, state in enumerate(found)]
    starting = next_steps(steps, limit)
    pending = [each for each in steps if each.state is StepState.PENDING]
    assert starting == pending[: len(starting)]
    busy = sum(each.state in (StepState.RUNNING, StepState.CANCEL_PENDING) for each in steps)
    assert not starting or busy + len(starting) <= limit
    assert len(starting) == len(pending) or busy + len(starting) >= limit


@given(st.lists(st.sampled_from(StepEvent), max_size=8))
def test_a_step_makes_no_move_but_those_of_the_table(events: list[StepEvent]) -> None:
    found = step(1)
    for now, event in enumerate(events, start=1):
        legal = (found.state, event) in STEP_MOVES
        try:
            found = advance_step(found, event, now)
        except IllegalMove:
            assert not legal
        else:
            assert legal
    seen = [state for state, _ in found.history]
    assert len(seen) == len(set(seen))
