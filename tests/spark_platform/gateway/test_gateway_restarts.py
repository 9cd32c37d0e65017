"""What a Runner and its Gateway stand on falls and comes back: no run is lost, and none is two."""

import contextlib
from functools import partial

import pytest
from database_fixtures import database_of, stopped
from gateways import Gateway, application, prepare, status
from runs import IMAGES, job

from requirements import need
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings as ClusterSettings
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import Transient
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import RunState
from spark_platform.runner.service import Runner
from spark_platform.runner.settings import Settings
from spark_platform.runner.store import Store
from spark_platform.runner.working import WorkerProcess
from spark_testkit.ports import free_ports
from spark_testkit.postgresql import HINT, programs, server

TIMEOUT_S = 60


class Cluster:
    """An API server whose objects outlive it."""

    def __init__(self, folder):
        (port,) = free_ports(1)
        self.kubeconfig = folder / "kubeconfig"
        self._settings = ClusterSettings(
            name="east", port=port, data=folder / "data", kubeconfig=self.kubeconfig
        )
        self._open = contextlib.ExitStack()
        self.start()

    def start(self):
        self._open.enter_context(ApiServer(self._settings))

    def stop(self):
        self._open.close()


class Platform:
    """A Runner with a worker, over a Gateway, over a cluster on which the test is the operator."""

    def __init__(self, folder, databases):
        self._open = contextlib.ExitStack()
        self.cluster = Cluster(folder)
        self._open.callback(self.cluster.stop)
        prepare(self.cluster.kubeconfig, "travel")
        self.gateway = Gateway({"east": self.cluster.kubeconfig}, folder, databases("gateway"))
        self._open.callback(self.gateway.close)
        runs = databases("runs")
        self.store = self._open.enter_context(contextlib.closing(Store(runs)))
        settings = Settings.model_validate({
            "port": 0, "database": runs,
            "issuer": {"issuer": "http://i", "audience": "a", "jwks_url": "http://127.0.0.1:9/"},
            "engines": {"4.1": {"image": "i", "spark_version": "4.1.4"}},
            "sk8": {"kubeconfig": str(self.gateway.kubeconfig("runner@travel"))},
        })  # fmt: skip
        worker = self._open.enter_context(WorkerProcess(settings))
        self.runner = Runner(self.store, IMAGES, woken=worker.wake)

    def submit(self, token):
        return self.runner.submit(token, job())[0].run_id

    def until(self, run_id, *states):
        def check():
            run = self.store.get(run_id)
            if run.state not in states:
                raise NotYet(f"{run.state}: {run.reason}")

        poll(check, what=f"{run_id} at {states}", timeout_s=TIMEOUT_S)

    def finish(self, run_id):
        """Have the operator say that the run's application has succeeded."""
        kubernetes = self.gateway.clusters["east"]
        found = kubernetes.get(APPLICATIONS, "travel", f"{run_id}-1")
        ended = {**found, "status": status("RunningHealthy", "Succeeded")}
        kubernetes.replace(APPLICATIONS, ended, "status")
        self.until(run_id, RunState.SUCCEEDED)

    def applications(self):
        found, _ = self.gateway.clusters["east"].list(APPLICATIONS, "travel")
        return {each["metadata"]["name"] for each in found}

    def close(self):
        self._open.close()


def test_the_database_is_restarted(tmp_path):
    need("postgresql", programs() is not None, HINT)
    with (
        server(durable=False) as url,
        contextlib.closing(Platform(tmp_path, partial(database_of, url))) as site,
        site.gateway.client() as client,
    ):
        before = site.submit("before")
        site.until(before, RunState.SUBMITTED)
        with stopped(url + "postgres"):
            with pytest.raises(Transient, match="database is not available"):
                site.submit("meanwhile")
            with pytest.raises(Transient, match="database is not available"):
                site.runner.check(before)
            with pytest.raises(Transient):
                client.create(APPLICATIONS, "travel", application("by-hand"))
        assert site.submit("before") == before
        meanwhile = site.submit("meanwhile")
        site.until(meanwhile, RunState.SUBMITTED)
        client.create(APPLICATIONS, "travel", application("by-hand"))
        for each in (before, meanwhile):
            site.finish(each)
        assert site.applications() == {f"{before}-1", f"{meanwhile}-1", "by-hand"}


def test_the_api_server_is_restarted(tmp_path):
    def database(name):
        return sqlite_url(tmp_path / f"{name}.sqlite")

    with contextlib.closing(Platform(tmp_path, database)) as site:
        before = site.submit("before")
        site.until(before, RunState.SUBMITTED)
        site.cluster.stop()
        meanwhile = site.submit("meanwhile")

        def told():
            run = site.store.get(meanwhile)
            if (run.state, bool(run.reason)) != (RunState.ACCEPTED, True):
                raise NotYet(f"{run.state}: {run.reason}")

        poll(told, what="why it waits", timeout_s=TIMEOUT_S)
        assert site.store.get(before).state is RunState.SUBMITTED, "nobody knows of an end"
        site.cluster.start()
        site.until(meanwhile, RunState.SUBMITTED)
        for each in (before, meanwhile):
            site.finish(each)
        assert site.applications() == {f"{before}-1", f"{meanwhile}-1"}
