"""A Runner that is killed at each step between accepting a run and writing down its end."""

from fault_points import Killed, at_every_point
from runs import IMAGES, Time, Told, job

from spark_platform.kernel.database import sqlite_url
from spark_platform.model import RunState
from spark_platform.runner.service import Runner
from spark_platform.runner.store import Store
from spark_platform.runner.worker import Worker

LEASE_S = 60


def worked(fault, store, backend, time, meanwhile=lambda: None):
    """Have a worker that may be killed bring runs to their end, and another one after it."""
    mortal = fault.mortal(store, "store")
    worker = Worker(mortal, lambda _: fault.mortal(backend, "backend"), now=time)
    for _ in range(20):
        try:
            while worker.step():
                pass
        except Killed:
            # another one, which takes over when the lease is over
            worker = Worker(store, lambda _: backend, now=time)
            time.pass_(LEASE_S)
        meanwhile()
        time.pass_(15)
        if store.next_due() is None:
            break


def test_one_request_is_one_run_and_one_application_wherever_it_is_killed(tmp_path):
    store = Store(sqlite_url(tmp_path / "runs.sqlite"))

    def scenario(fault):
        time, backend, token = Time(), Told(), f"token-{fault.number}"
        mortal = fault.mortal(store, "store")
        try:
            run, _ = Runner(mortal, IMAGES, now=time).submit(token, job())
        except Killed:
            run, _ = Runner(store, IMAGES, now=time).submit(token, job())
        run_id = run.run_id

        def succeed():
            for name, found in list(backend.jobs.items()):
                if not found.state.ended:
                    backend.tell(name, RunState.SUCCEEDED)

        worked(fault, store, backend, time, succeed)
        assert store.get(run_id).state is RunState.SUCCEEDED, fault.where
        assert backend.submissions == [f"{run_id}-1"], fault.where
        assert [each.state for each in store.get(run_id).attempts] == [RunState.SUCCEEDED]
        assert len(store.page(limit=1000)) == fault.number + 1

    points = at_every_point(scenario)
    store.close()
    assert {"after store.accept", "before backend.submit", "after backend.submit"} <= set(points)
    assert points.count("after store.save") >= 3


def test_one_cancel_is_enough_wherever_it_is_killed(tmp_path):
    store = Store(sqlite_url(tmp_path / "runs.sqlite"))

    def scenario(fault):
        time, backend = Time(), Told()
        runner = Runner(store, IMAGES, now=time)
        run_id = runner.submit(f"token-{fault.number}", job())[0].run_id
        Worker(store, lambda _: backend, now=time).step()
        backend.tell(f"{run_id}-1", RunState.RUNNING)
        mortal = fault.mortal(store, "store")
        try:
            Runner(mortal, IMAGES, now=time).cancel(run_id)
        except Killed:
            runner.cancel(run_id)
        worked(fault, store, backend, time)
        assert store.get(run_id).state is RunState.CANCELLED, fault.where
        assert backend.jobs[f"{run_id}-1"].state is RunState.CANCELLED

    points = at_every_point(scenario)
    store.close()
    assert {"before backend.cancel", "after backend.cancel"} <= set(points)
