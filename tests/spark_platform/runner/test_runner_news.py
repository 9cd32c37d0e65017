"""What is new: to clients, who wait for versions, and to workers, whom backends tell."""

from dataclasses import replace

from runs import job

from spark_platform.kernel.errors import Transient
from spark_platform.model import RunState


def running(runner, worker, backend, time):
    """A run of a job that runs, and is known to."""
    run, _ = runner.submit("t", job())
    worker.step()
    backend.tell(f"{run.run_id}-1", RunState.RUNNING, cluster="east", ui="http://ui")
    time.pass_(2)
    worker.step()
    return runner.check(run.run_id)


class TestVersions:
    """A version is what clients wait for: each one shows something new."""

    def test_a_look_that_finds_nothing_new_is_none(self, runner, worker, backend, time):
        known = running(runner, worker, backend, time)
        for _ in range(3):
            time.pass_(20)
            assert worker.step() == 1
            assert worker.step() == 0, "it is let go of, and not due"
        assert runner.check(known.run_id).version == known.version

    def test_each_thing_that_is_shown_is_one(self, runner, worker, backend, time):
        known = running(runner, worker, backend, time)
        seen = backend.jobs[f"{known.run_id}-1"]
        changes = {"reason": "slow", "degraded": True, "ui": "http://other", "logs": "s3://x"}
        for number, (name, value) in enumerate(changes.items(), 1):
            seen = replace(seen, **{name: value})
            backend.jobs[seen.name] = seen
            time.pass_(20)
            worker.step()
            assert runner.check(known.run_id).version == known.version + number, name

    def test_a_backend_that_stays_away_is_one(self, runner, worker, backend, time):
        known = running(runner, worker, backend, time)
        for _ in range(3):
            backend.fails = [Transient("it is away", retry_after_s=3)]
            time.pass_(20)
            worker.step()
        after = runner.check(known.run_id)
        assert (after.reason, after.version) == ("it is away", known.version + 1)

    def test_a_look_that_is_late_does_not_undo_what_another_did(
        self, runner, worker, backend, time
    ):
        known = running(runner, worker, backend, time)
        real = backend.observe

        def meanwhile(name):
            backend.observe = real
            runner.cancel(known.run_id, "enough")
            return real(name)

        backend.observe = meanwhile
        time.pass_(20)
        worker.step()
        assert runner.check(known.run_id).state is RunState.CANCELLED


class TestNews:
    """What a backend tells by itself."""

    def test_brings_a_run_on_at_once(self, runner, worker, backend, time):
        known = running(runner, worker, backend, time)
        assert worker.step() == 0
        backend.tell(f"{known.run_id}-1", RunState.SUCCEEDED)
        worker.hear(backend.jobs[f"{known.run_id}-1"])
        assert worker.step() == 1
        assert runner.check(known.run_id).state is RunState.SUCCEEDED

    def test_what_is_known_is_none(self, runner, worker, backend, time):
        known = running(runner, worker, backend, time)
        seen = backend.jobs[f"{known.run_id}-1"]
        worker.hear(seen)
        worker.hear(replace(seen, state=RunState.PENDING, reason="older"))
        worker.hear(replace(seen, name="another-runner-1"))
        worker.hear(replace(seen, name=f"{known.run_id}-2"))
        assert worker.step() == 0

    def test_of_a_run_that_is_due_writes_nothing(self, runner, worker, backend, store, time):
        known = running(runner, worker, backend, time)
        touched = []
        store.touch = lambda *given: touched.append(given)
        ended = replace(backend.jobs[f"{known.run_id}-1"], state=RunState.SUCCEEDED)
        worker.hear(ended)
        time.pass_(20)
        worker.hear(ended)
        assert len(touched) == 1

    def test_that_comes_while_a_run_is_looked_at_is_not_lost(self, runner, worker, backend, time):
        known = running(runner, worker, backend, time)
        real = backend.observe

        def too_early(name):
            backend.observe = real
            seen = real(name)
            backend.tell(name, RunState.SUCCEEDED)
            worker.hear(backend.jobs[name])
            return seen

        backend.observe = too_early
        time.pass_(20)
        worker.step()
        assert worker.step() == 1, "it is due again"
        assert runner.check(known.run_id).state is RunState.SUCCEEDED
