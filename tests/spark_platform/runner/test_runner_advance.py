"""How a run goes on, without any effect."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from runs import START, job, run

from spark_platform.model import Executors, Observation, Retries, RunState, Size
from spark_platform.runner.advance import (
    Pace,
    Step,
    begun,
    cancelled,
    ended,
    failed,
    next_step,
    observed,
    steps_between,
    stopping,
)
from spark_platform.runner.failures import Failure
from spark_platform.runner.records import FailureClass
from spark_platform.runner.strategies import (
    GiveUp,
    InfrastructureRetries,
    Parameters,
    Retry,
    as_asked,
)

PACE = Pace(moving_s=1, steady_s=10)
ENDS = [RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED]
GOING = [RunState.SUBMITTED, RunState.PENDING, RunState.RUNNING, RunState.UNKNOWN]


def started(**given_):
    return begun(run(**given_), as_asked(run(), 1), START)


def seen(state, **more):
    return Observation("x", state, **more)


def test_a_run_is_recorded_before_its_backend_hears_of_it():
    fresh = run()
    assert next_step(fresh) is Step.BEGIN
    attempt = started().current
    assert next_step(started()) is Step.SUBMIT
    assert attempt.spec.name == f"{fresh.run_id}-1"
    assert attempt.spec.image == "spark-platform:4.1-latest"
    assert attempt.spec.labels["spark-platform/run"] == fresh.run_id
    assert len(attempt.spec.name) <= 40


def test_the_sizes_are_those_that_were_chosen():
    chosen = Parameters(Size(4, 8192), Executors(Size(2, 4096), 1, 9), {"a": "b"}, "bigger")
    spec = begun(run(job=job(conf={"a": "a", "c": "c"})), chosen, START).current.spec
    assert (spec.driver, spec.executors) == (chosen.driver, chosen.executors)
    assert spec.conf == {"a": "b", "c": "c"}


def test_a_long_name_leaves_room_for_the_attempts():
    long = job(name="a-very-long-name-of-a-job-that-goes-on-and-on")
    made = begun(run(job=long, run_id="x" * 33), as_asked(run(), 1), START)
    assert len(made.current.spec.name) <= 40


def test_looked_at_seldom_while_it_runs():
    moving = observed(started(), seen(RunState.PENDING), "b", START, PACE)
    assert (moving.state, moving.due_at) == (RunState.PENDING, START + timedelta(seconds=1))
    steady = observed(moving, seen(RunState.RUNNING), "b", START, PACE)
    assert (steady.state, steady.due_at) == (RunState.RUNNING, START + timedelta(seconds=10))


def test_looked_at_less_and_less_while_it_waits_for_room():
    waits, waited_s = started(), []
    for _ in range(6):
        due = waits.due_at
        waits = observed(waits, seen(RunState.SUBMITTED), "b", due, PACE)
        waited_s.append((waits.due_at - due).total_seconds())
    assert waited_s == [1, 1, 2, 4, 8, 10]
    told = stopping(replace(waits, cancel_reason="no"), waits.due_at, PACE)
    ends = observed(told, seen(RunState.SUBMITTED), "b", told.due_at, PACE)
    assert ends.due_at - told.due_at == timedelta(seconds=1), "an end is near"


def test_older_reports_change_nothing():
    running = observed(started(), seen(RunState.RUNNING, reason="up"), "b", START, PACE)
    stale = observed(running, seen(RunState.PENDING, reason="old"), "b", START, PACE)
    assert (stale.state, stale.current.reason) == (RunState.RUNNING, "up")
    lost = observed(running, seen(RunState.UNKNOWN), "b", START, PACE)
    assert lost.state is RunState.RUNNING


def test_a_failure_is_the_runs_end_only_when_no_attempt_follows():
    running = observed(started(), seen(RunState.RUNNING), "b", START, PACE)
    after, why = ended(running, seen(RunState.FAILED, exit_code=137), "b", START)
    assert why.kind is FailureClass.INFRASTRUCTURE
    assert not after.state.ended
    again = failed(after, Retry(30, "lost"), START)
    assert (again.state, again.due_at) == (RunState.ACCEPTED, START + timedelta(seconds=30))
    assert next_step(again) is Step.BEGIN
    second = begun(again, as_asked(again, 2), START)
    assert [each.spec.name[-2:] for each in second.attempts] == ["-1", "-2"]
    over = failed(after, GiveUp("enough"), START)
    assert (over.state, over.due_at, next_step(over)) == (RunState.FAILED, None, Step.NOTHING)


def test_cancelling_goes_before_everything():
    assert next_step(run(cancel_reason="no")) is Step.GIVE_UP
    asked = replace(started(), cancel_reason="no")
    assert next_step(asked) is Step.CANCEL
    told = stopping(asked, START, PACE)
    assert next_step(told) is Step.OBSERVE
    killed, why = ended(told, seen(RunState.FAILED, exit_code=143), "b", START)
    assert (killed.state, killed.reason, why) == (RunState.CANCELLED, "no", None)
    won, _ = ended(told, seen(RunState.SUCCEEDED), "b", START)
    assert won.state is RunState.SUCCEEDED, "a job that was faster has succeeded"
    never = cancelled(told, START)
    assert (never.state, never.current.state) == (RunState.CANCELLED, RunState.CANCELLED)


@given(
    reports=st.lists(st.sampled_from([*GOING, *ENDS]), max_size=8),
    cancels_at=st.integers(0, 10),
)
def test_an_end_is_for_good_and_history_says_all(reports, cancels_at):
    now, history = run(), []

    def goes(after):
        nonlocal now
        history.extend(steps_between(now, after, START))
        now = after

    for number, state in enumerate(reports):
        if number == cancels_at and not now.state.ended:
            goes(replace(now, cancel_reason="no"))
        step = next_step(now)
        if step is Step.NOTHING:
            break
        if step is Step.GIVE_UP:
            goes(cancelled(now, START))
        elif step is Step.BEGIN:
            goes(begun(now, as_asked(now, len(now.attempts) + 1), START))
        elif step is Step.CANCEL:
            goes(stopping(now, START, PACE))
        elif state.ended:
            after, why = ended(now, seen(state, exit_code=137), "b", START)
            if why:
                after = failed(
                    after, InfrastructureRetries()(after, after.current, None, why), START
                )
            goes(after)
        else:
            goes(observed(now, seen(state), "b", START, PACE))
    ends = [each for each in history if each.attempt == 0 and each.state.ended]
    assert len(ends) == now.state.ended
    assert (now.due_at is None) == now.state.ended
    for attempt in now.attempts:
        of_it = [each.state for each in history if each.attempt == attempt.number]
        assert of_it[-1] is attempt.state
        assert len(of_it) == len(set(of_it)), "no state is entered twice"
    assert sum(not each.state.ended for each in now.attempts) <= 1


class TestRetries:
    def ask(self, kind, number, **retries):
        own = run(job=job(retries=Retries(**retries)))
        attempt = replace(started().current, number=number)
        return InfrastructureRetries()(own, attempt, None, Failure(kind, "rule"))

    def test_only_what_the_job_is_not_to_blame_for(self):
        for kind in FailureClass:
            answer = self.ask(kind, 1)
            blameless = kind in (FailureClass.INFRASTRUCTURE, FailureClass.SCHEDULING)
            assert isinstance(answer, Retry if blameless else GiveUp), kind

    def test_no_more_than_the_job_allows(self):
        assert isinstance(self.ask(FailureClass.INFRASTRUCTURE, 1, attempts=1), GiveUp)
        assert isinstance(self.ask(FailureClass.INFRASTRUCTURE, 7, attempts=100), Retry)
        assert isinstance(self.ask(FailureClass.INFRASTRUCTURE, 8, attempts=100), GiveUp)

    def test_each_waits_twice_as_long(self):
        first = self.ask(FailureClass.INFRASTRUCTURE, 1, attempts=9, backoff_s=10).after_s
        third = self.ask(FailureClass.INFRASTRUCTURE, 3, attempts=9, backoff_s=10).after_s
        assert 8 <= first <= 12
        assert 32 <= third <= 48
        assert first == self.ask(FailureClass.INFRASTRUCTURE, 1, attempts=9, backoff_s=10).after_s
        assert self.ask(FailureClass.INFRASTRUCTURE, 7, attempts=9, backoff_s=500).after_s <= 720
