"""The Runner's two processes: each may be killed."""

import json
import signal
import subprocess
import sys
from datetime import datetime, timezone

import psutil
import pytest
from runs import job

from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.runner.records import ImageRef, Run, run_id_of
from spark_platform.runner.settings import Settings
from spark_platform.runner.store import Store
from spark_platform.runner.working import WorkerProcess

TIMEOUT_S = 60


@pytest.fixture
def given(tmp_path):
    """A Runner's settings; its Kubernetes is not there, which each run that is looked at says."""
    issuer = {"issuer": "http://i", "audience": "a", "jwks_url": "http://127.0.0.1:9/"}
    return {
        "port": 0, "database": sqlite_url(tmp_path / "runs.sqlite"), "issuer": issuer,
        "engines": {"4.1": {"image": "i", "spark_version": "4.1.4"}},
        "sk8": {"kubeconfig": str(tmp_path / "none")}, "lease_s": 1,
    }  # fmt: skip


@pytest.fixture
def store(given):
    store = Store(given["database"])
    yield store
    store.close()


@pytest.fixture
def server(given, tmp_path, store):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(given))
    argv = [sys.executable, "-m", "spark_platform.runner", "--config", str(config)]
    process = subprocess.Popen(argv)
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def until(holds, what):
    def check():
        if not holds():
            raise NotYet("not yet")

    poll(check, what=what, timeout_s=TIMEOUT_S)


def worker_of(server):
    found = []
    until(lambda: found.extend(server.children()) or found, "a worker")
    return found[0]


def is_looked_at(store, token):
    now = datetime.now(timezone.utc)
    own = job()
    run, _ = store.accept(
        Run(run_id_of(own, token), token, own, ImageRef("i", "", "4.1.4"), now, due_at=now)
    )
    until(lambda: store.get(run.run_id).reason, f"a word about {token}")


def test_a_worker_that_is_killed_is_followed_by_another(server, store):
    is_looked_at(store, "first")
    first = worker_of(server)
    first.kill()
    is_looked_at(store, "second")
    assert worker_of(server) != first


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_does_not_outlive_its_door(server, store, number):
    is_looked_at(store, "first")
    worker = worker_of(server)
    server.send_signal(number)
    until(lambda: not worker.is_running(), "the worker's end")


def test_ctrl_c_is_the_doors_to_answer(server, store):
    is_looked_at(store, "first")
    worker = worker_of(server)
    for each in (worker, server):
        each.send_signal(signal.SIGINT)
    assert server.wait(TIMEOUT_S) == 0
    until(lambda: not worker.is_running(), "the worker's end")


def test_a_worker_that_does_not_read_holds_nobody_up(given, store):
    with WorkerProcess(Settings.model_validate(given)) as worker:
        is_looked_at(store, "first")
        (process,) = (
            each for each in psutil.Process().children()
            if "spark_platform.runner.working" in each.cmdline()
        )  # fmt: skip
        process.suspend()
        try:
            for _ in range(100_000):
                worker.wake()
        finally:
            process.resume()
        is_looked_at(store, "second")
