"""A worker: what it has backends do, and what it writes down; killed at any point of it."""

import random

import pytest
from fault_points import Killed, Mortal
from runs import IMAGES, Time, Told, job

from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Terminal,
    TimedOut,
    Transient,
    Unauthenticated,
)
from spark_platform.model import Executors, Retries, RunState, Size
from spark_platform.runner.service import Runner
from spark_platform.runner.store import Store
from spark_platform.runner.strategies import GiveUp, Parameters, Retry, Stop, Strategies
from spark_platform.runner.worker import Worker, WorkerSettings


def states(store, run):
    return [(each.attempt, each.state.value) for each in store.history(run.run_id).transitions]


def test_a_job_runs_to_its_end(runner, worker, backend, store, time):
    run, _ = runner.submit("t", job())
    assert run.state is RunState.ACCEPTED
    worker.step()
    name = f"{run.run_id}-1"
    assert runner.check(run.run_id).state is RunState.SUBMITTED
    backend.tell(name, RunState.RUNNING, application="ns/x", cluster="east", ui="http://ui")
    time.pass_(2)
    worker.step()
    running = runner.check(run.run_id)
    assert (running.state, running.current.cluster) == (RunState.RUNNING, "east")
    backend.tell(name, RunState.SUCCEEDED, exit_code=0)
    worker.step()
    assert runner.check(run.run_id).state is RunState.RUNNING, "it is not due yet"
    time.pass_(20)
    worker.step()
    over = runner.check(run.run_id)
    assert (over.state, over.current.exit_code) == (RunState.SUCCEEDED, 0)
    assert (over.current.backend, over.current.application) == ("told", "ns/x")
    assert states(store, run) == [
        (0, "ACCEPTED"), (1, "ACCEPTED"), (1, "SUBMITTED"), (0, "SUBMITTED"),
        (1, "RUNNING"), (0, "RUNNING"), (1, "SUCCEEDED"), (0, "SUCCEEDED"),
    ]  # fmt: skip
    assert worker.step() == 0


def test_what_was_lost_is_tried_again_and_what_is_wrong_is_not(runner, worker, backend, time):
    run, _ = runner.submit("t", job(retries=Retries(3, 10)))
    worker.step()
    backend.tell(f"{run.run_id}-1", RunState.FAILED, exit_code=137, reason="Failed: killed")
    time.pass_(2)
    worker.step()
    waiting = runner.check(run.run_id)
    assert waiting.state is RunState.ACCEPTED
    assert "another follows" in waiting.reason
    assert worker.step() == 0, "not before its time"
    time.pass_(13)
    worker.step()
    backend.tell(f"{run.run_id}-2", RunState.FAILED, exit_code=1, reason="Failed: a bug")
    time.pass_(2)
    worker.step()
    over = runner.check(run.run_id)
    assert (over.state, over.reason) == (RunState.FAILED, "Failed: a bug")
    assert [each.failure.value for each in over.attempts] == ["infrastructure", "user"]
    assert [(each.strategy, each.outcome.get("action")) for each in runner.history(
        run.run_id
    ).decisions] == [
        ("choose_parameters", None), ("after_failure", "Retry"),
        ("choose_parameters", None), ("after_failure", "GiveUp"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [InvalidInput, Conflict, Forbidden, Terminal])
def test_a_backend_that_refuses_ends_the_run_with_its_words(runner, worker, backend, kind):
    run, _ = runner.submit("t", job())
    backend.fails = [kind("conf[spark.master] is set by the platform")]
    worker.step()
    over = runner.check(run.run_id)
    assert (over.state, over.current.failure.value) == (RunState.FAILED, "user")
    assert "conf[spark.master]" in over.reason


def test_a_backend_that_does_not_know_the_runner_is_no_fault_of_the_job(runner, worker, backend):
    run, _ = runner.submit("t", job())
    backend.fails = [Unauthenticated("the token has expired")]
    worker.step()
    waits = runner.check(run.run_id)
    assert (waits.state, waits.reason) == (RunState.ACCEPTED, "the token has expired")


def test_a_backend_that_is_away_loses_nothing(runner, worker, backend, time):
    run, _ = runner.submit("t", job())
    backend.fails = [Transient("it is away", retry_after_s=3), Transient("away")]
    worker.step()
    assert runner.check(run.run_id).reason == "it is away"
    assert worker.step() == 0
    time.pass_(3)
    worker.step()
    assert backend.submissions == []
    time.pass_(10)
    worker.step()
    assert backend.submissions == [f"{run.run_id}-1"]
    assert runner.check(run.run_id).state is RunState.SUBMITTED


class TestBackendThatAnswers:
    def test_late(self, runner, worker, backend, store, time):
        """Another worker has taken the run over meanwhile, and is further."""
        run, _ = runner.submit("t", job())
        name, real = f"{run.run_id}-1", backend.submit

        def slow(spec):
            answer = real(spec)
            backend.submit = real
            time.pass_(worker.settings.lease_s + 1)
            other = Worker(store, lambda _: backend, now=time)
            other.step()
            backend.tell(name, RunState.SUCCEEDED)
            time.pass_(2)
            other.step()
            return answer

        backend.submit = slow
        worker.step()
        over = runner.check(run.run_id)
        assert (over.state, len(over.attempts)) == (RunState.SUCCEEDED, 1)
        assert backend.submissions == [name]
        assert states(store, run)[-1] == (0, "SUCCEEDED")
        assert worker.step() == 0

    def test_twice(self, runner, worker, backend, store, time):
        """What it has told before comes again, after what followed it."""
        run, _ = runner.submit("t", job())
        worker.step()
        name = f"{run.run_id}-1"
        for state in (RunState.RUNNING, RunState.SUBMITTED, RunState.RUNNING):
            backend.tell(name, state)
            worker.hear(backend.jobs[name])
            worker.step()
        backend.tell(name, RunState.SUCCEEDED)
        for _ in range(2):
            worker.hear(backend.jobs[name])
            worker.step()
        backend.tell(name, RunState.RUNNING)
        worker.hear(backend.jobs[name])
        assert worker.step() == 0
        assert [state for attempt, state in states(store, run) if attempt == 1] == [
            "ACCEPTED", "SUBMITTED", "RUNNING", "SUCCEEDED",
        ]  # fmt: skip

    def test_never(self, runner, worker, backend, time):
        """Its job waits, with the reason, and whoever cancels it is heard."""
        run, _ = runner.submit("t", job())

        class Silent(list):
            def pop(self, _):
                raise Transient("it does not answer within 30 s")

        backend.fails = Silent([None])
        for _ in range(5):
            worker.step()
            waits = runner.check(run.run_id)
            assert (waits.state, waits.reason) == (
                RunState.ACCEPTED, "it does not answer within 30 s",
            )  # fmt: skip
            time.pass_(60)
        runner.cancel(run.run_id, "enough")
        worker.step()
        assert runner.check(run.run_id).cancel_reason == "enough"
        backend.fails = []
        time.pass_(60)
        worker.step()
        assert runner.check(run.run_id).state is RunState.CANCELLED
        assert not [each for each in backend.jobs.values() if not each.state.ended]


class TestCancel:
    def test_before_it_began(self, runner, worker, backend):
        run, _ = runner.submit("t", job())
        assert runner.cancel(run.run_id, "no need").cancel_reason == "no need"
        worker.step()
        over = runner.check(run.run_id)
        assert (over.state, over.reason) == (RunState.CANCELLED, "no need")
        assert backend.submissions == []

    def test_while_it_runs(self, runner, worker, backend, time):
        run, _ = runner.submit("t", job())
        worker.step()
        runner.cancel(run.run_id)
        worker.step()
        assert runner.check(run.run_id).state is RunState.CANCELLED
        assert runner.cancel(run.run_id).state is RunState.CANCELLED, "again is no error"

    def test_what_has_ended_stays_as_it_ended(self, runner, worker, backend, time):
        run, _ = runner.submit("t", job())
        worker.step()
        backend.tell(f"{run.run_id}-1", RunState.SUCCEEDED)
        time.pass_(2)
        worker.step()
        assert runner.cancel(run.run_id).state is RunState.SUCCEEDED

    def test_while_a_worker_is_at_it(self, runner, worker, backend, store):
        run, _ = runner.submit("t", job())
        real = backend.submit

        def meanwhile(spec):
            runner.cancel(run.run_id, "changed my mind")
            return real(spec)

        backend.submit = meanwhile
        worker.step()
        assert runner.check(run.run_id).state is RunState.CANCELLED
        assert backend.jobs[f"{run.run_id}-1"].state is RunState.CANCELLED


def test_an_application_that_somebody_deleted_was_cancelled(runner, worker, backend, time):
    run, _ = runner.submit("t", job())
    worker.step()
    backend.jobs.clear()
    time.pass_(2)
    worker.step()
    over = runner.check(run.run_id)
    assert (over.state, over.reason) == (RunState.CANCELLED, "its application is gone")


def test_strategies_are_asked_with_what_there_is_and_are_obeyed(runner, store, backend, time):
    asked = []

    def choose(run, number):
        asked.append(("choose", number, len(run.attempts)))
        return Parameters(Size(number, 1024), Executors(), {"n": str(number)}, "one more each")

    def after(run, attempt, seen, failure):
        asked.append(("after", attempt.number, failure.kind.value))
        return Retry(0, "always") if attempt.number < 3 else GiveUp("three are enough")

    def running(run, attempt, seen, now):
        asked.append(("running", attempt.number, seen.state.value))
        return Stop("it costs too much")

    worker = Worker(
        store, lambda _: backend, strategies=Strategies(choose, after, running), now=time
    )
    run, _ = runner.submit("t", job())
    for number in (1, 2):
        worker.step()
        backend.tell(f"{run.run_id}-{number}", RunState.FAILED, exit_code=1)
        time.pass_(2)
        worker.step()
    worker.step()
    assert backend.specs[f"{run.run_id}-3"].driver.cores == 3
    assert backend.specs[f"{run.run_id}-3"].conf == {"n": "3"}
    backend.tell(f"{run.run_id}-3", RunState.RUNNING)
    time.pass_(2)
    worker.step()
    worker.step()
    over = runner.check(run.run_id)
    assert (over.state, over.reason) == (RunState.CANCELLED, "it costs too much")
    assert asked == [
        ("choose", 1, 0), ("after", 1, "user"), ("choose", 2, 1), ("after", 2, "user"),
        ("choose", 3, 2), ("running", 3, "RUNNING"),
    ]  # fmt: skip


class TestBadInput:
    @pytest.mark.parametrize("token", ["", " ", "a b", "-a", "ü", "x" * 129])
    def test_tokens(self, runner, token):
        with pytest.raises(InvalidInput, match="idempotency token"):
            runner.submit(token, job())

    def test_engines(self, runner):
        with pytest.raises(InvalidInput, match=r"engine '9\.9' is not known"):
            runner.submit("t", job(engine="9.9"))

    def test_runs_of_others_are_not_there(self, runner):
        run, _ = runner.submit("t", job())
        assert runner.check(run.run_id, domain="travel")
        for ask in (runner.check, runner.cancel, runner.history):
            with pytest.raises(NotFound, match=f"there is no run {run.run_id}"):
                ask(run.run_id, domain="other")

    def test_limits(self, runner):
        with pytest.raises(InvalidInput, match="limit is 0"):
            runner.list(limit=0)

    def test_waiting_ends(self, runner):
        run, _ = runner.submit("t", job())
        with pytest.raises(TimedOut, match="it is ACCEPTED"):
            runner.wait(run.run_id, timeout_s=0)
        assert runner.wait(run.run_id, known=7, timeout_s=0) == run


def mortal(real, dice, odds):
    """An object whose callers may be killed at any call, by chance."""

    def reached(where):
        if dice.random() < odds:
            raise Killed

    return Mortal(real, "", reached)


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_runs_under_kills_and_repeated_requests_are_a_thousand_applications(
    tmp_path, seed
):
    dice, time, backend = random.Random(seed), Time(), Told()
    store = Store(sqlite_url(tmp_path / "runs.sqlite"))
    runner = Runner(mortal(store, dice, 0.02), IMAGES, now=time)
    settings = WorkerSettings(threads=64, lease_s=30)

    def submitted(number):
        # as a client does that never got an answer
        while True:
            try:
                return runner.submit(f"token-{number}", job())[0].run_id
            except Killed:
                continue

    ids = {submitted(number) for number in range(1000) for _ in range(dice.randint(1, 2))}
    assert len(ids) == 1000
    for _ in range(2000):
        worker = Worker(
            mortal(store, dice, 0.01), lambda _: mortal(backend, dice, 0.01),
            settings=settings, now=time,
        )  # fmt: skip
        try:
            while worker.step():
                pass
        except Killed:
            time.pass_(1)
            continue
        for name, found in list(backend.jobs.items()):
            if not found.state.ended:
                backend.tell(name, RunState.SUCCEEDED)
        time.pass_(11)
        if store.next_due() is None:
            break
    ended = store.page(limit=2000)
    assert {each.state for each in ended} == {RunState.SUCCEEDED}
    assert len(ended) == 1000
    assert sorted(backend.submissions) == sorted(f"{each}-1" for each in ids)
    store.close()
