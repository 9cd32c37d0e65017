"""A backend that is no Kubernetes behind the gateway: what holds of clusters holds of it."""

import dataclasses
import shutil
import threading
from datetime import timedelta

import pytest
from gateway_backends import DIGEST, FALLBACK, START, OnKubernetes, serving
from gateways import TIMEOUT_S, application
from kube_kubectl import Kubectl

from requirements import need
from spark_platform.backends.sk8.backend import APPLICATIONS, Sk8
from spark_platform.gateway.finished import Keeping
from spark_platform.gateway.placements import Placement
from spark_platform.gateway.sweeper import Sweeper
from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound, Transient
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import JobSpec, RunState


@pytest.fixture
def client(backend):
    with backend.gateway.client() as client:
        yield client


@pytest.fixture(params=["kubernetes", "backend"])
def site(request, backend):
    return backend if request.param == "backend" else OnKubernetes(backend.gateway, "east")


@pytest.fixture
def away(tmp_path):
    """A kubeconfig of a cluster that nobody answers for."""
    from spark_emulators.kubernetes.server import ApiServer
    from spark_emulators.kubernetes.settings import Settings

    file = tmp_path / "away"
    with ApiServer(Settings(name="east", port=0, kubeconfig=file)):
        pass
    return {"east": file}


class TestBothKinds:
    """The same of a Kubernetes cluster and of a backend."""

    def test_what_is_made_is_there(self, site, client):
        sent = site.annotated("app")
        made = client.create(APPLICATIONS, "travel", sent)
        metadata = made["metadata"]
        assert metadata["annotations"]["spark-platform/cluster"] == site.cluster
        assert metadata["labels"] == {"spark-platform/domain": "travel"}
        assert (made["spec"], metadata["name"]) == (sent["spec"], "app")
        assert metadata["uid"]
        assert metadata["creationTimestamp"].endswith("Z")
        assert client.get(APPLICATIONS, "travel", "app") == made
        assert client.list(APPLICATIONS, "travel")[0] == [made]
        assert client.list(APPLICATIONS, "travel", "spark-platform/domain!=travel")[0] == []

    def test_a_change_of_state_is_a_new_version(self, site, client):
        before = client.create(APPLICATIONS, "travel", site.annotated("app"))
        site.settles()
        assert client.get(APPLICATIONS, "travel", "app") == before
        site.becomes("app", RunState.RUNNING)
        after = client.get(APPLICATIONS, "travel", "app")
        versions = [int(each["metadata"]["resourceVersion"]) for each in (before, after)]
        assert versions[0] < versions[1]
        assert after["status"]["currentState"]["currentStateSummary"] == "RunningHealthy"

    def test_a_name_is_one_application(self, site, client):
        first = client.create(APPLICATIONS, "travel", site.annotated("once"))
        with pytest.raises(AlreadyExists, match='"once" already exists'):
            client.create(APPLICATIONS, "travel", site.annotated("once"))
        client.delete(APPLICATIONS, "travel", "once")
        site.settles()
        with pytest.raises(NotFound):
            client.get(APPLICATIONS, "travel", "once")
        second = client.create(APPLICATIONS, "travel", site.annotated("once"))
        assert first["metadata"]["uid"] != second["metadata"]["uid"]

    def test_the_name_of_a_platforms_job_is_over_with_it(self, site, client):
        client.create(APPLICATIONS, "travel", site.annotated("job", **DIGEST))
        client.delete(APPLICATIONS, "travel", "job")
        site.settles()
        with pytest.raises(Conflict, match='"job" was there and is gone'):
            client.create(APPLICATIONS, "travel", site.annotated("job", **DIGEST))

    def test_only_the_one_that_is_meant_is_deleted(self, site, client):
        client.create(APPLICATIONS, "travel", site.annotated("app"))
        with pytest.raises(Conflict):
            client.delete(APPLICATIONS, "travel", "app", uid="another")
        with pytest.raises(NotFound):
            client.delete(APPLICATIONS, "travel", "nobody")
        assert "deletionTimestamp" not in client.get(APPLICATIONS, "travel", "app")["metadata"]

    def test_what_was_placed_and_not_made_is_made_where_it_was_to_be(self, site, client):
        placements = site.gateway.placements
        placements.place(Placement("travel", "half", site.cluster, "", "travel", "ana", START))
        made = client.create(APPLICATIONS, "travel", application("half", annotations=DIGEST))
        assert made["metadata"]["annotations"]["spark-platform/cluster"] == site.cluster
        assert placements.find("travel", "half").made

    def test_a_refused_application_leaves_its_name_free(self, site, client):
        wrong = site.annotated("free")
        wrong["spec"]["runtimeVersions"] = {"sparkVersion": 5}
        with pytest.raises(InvalidInput):
            client.create(APPLICATIONS, "travel", wrong)
        client.create(APPLICATIONS, "travel", site.annotated("free"))

    def test_changes_come_as_they_happen(self, site, client):
        client.create(APPLICATIONS, "travel", site.annotated("old"))
        _, version = client.list(APPLICATIONS, "travel")
        watch = client.watch(APPLICATIONS, "travel", version=version)
        events = iter(watch)

        def next_of(name):
            kind, found = next(event for event in events if event[1]["metadata"]["name"] == name)
            state = ((found.get("status") or {}).get("currentState") or {}).get(
                "currentStateSummary", ""
            )
            return kind, state

        client.create(APPLICATIONS, "travel", site.annotated("new"))
        assert next_of("new")[0] == "ADDED"
        site.becomes("new", RunState.RUNNING)
        assert next_of("new") == ("MODIFIED", "RunningHealthy")
        client.delete(APPLICATIONS, "travel", "old")
        site.settles()
        kind = next_of("old")[0]
        assert (next_of("old")[0] if kind == "MODIFIED" else kind) == "DELETED"
        watch.stop()

    def test_the_platforms_backend_does_not_know_the_difference(self, site):
        wants = {"labels": {"a": "b"}, "conf": {"spark.sql.x": "1"}}
        job = JobSpec(
            name="run-1", image="i:1", spark_version="4.1.4", main="local:///a.py", **wants
        )
        # the other one is not there for it
        others = {"east", "spare"} - {site.cluster}
        site.gateway.members[others.pop()].check = _away
        with site.gateway.client() as kubernetes:
            sk8, stop, seen = Sk8(kubernetes, "travel"), threading.Event(), []

            def follow():
                for each in sk8.watch(stop):
                    seen.append(each)

            def told(state):
                def check():
                    found = [each for each in seen if each.state is state]
                    if not found:
                        raise NotYet(str(seen))
                    return found[0]

                return poll(check, what=str(state), timeout_s=TIMEOUT_S)

            first = sk8.submit(job)
            assert first.cluster == site.cluster
            assert sk8.submit(job).submitted_at == first.submitted_at
            with pytest.raises(Conflict, match="another job's"):
                sk8.submit(dataclasses.replace(job, main="local:///b.py"))
            thread = threading.Thread(target=follow)
            thread.start()
            site.becomes("run-1", RunState.RUNNING)
            assert told(RunState.RUNNING).ready
            assert sk8.observe("run-1").state is RunState.RUNNING
            sk8.cancel("run-1")
            site.settles()
            told(RunState.CANCELLED)
            stop.set()
            thread.join(TIMEOUT_S)

    def test_what_has_finished_is_archived_and_then_deleted(self, site, client):
        client.create(APPLICATIONS, "travel", site.annotated("done"))
        site.becomes("done", RunState.SUCCEEDED)
        live = client.get(APPLICATIONS, "travel", "done")
        gateway, at = site.gateway, [START + timedelta(seconds=59)]
        sweeper = Sweeper(
            gateway.members, gateway.placements, gateway.archive, gateway.audit,
            Keeping(60, archive_s=1000), now=lambda: at[0],
        )  # fmt: skip
        sweeper.sweep()
        site.settles()
        assert client.get(APPLICATIONS, "travel", "done") == live
        at[0] += timedelta(seconds=1)
        sweeper.sweep()
        site.settles()
        assert client.list(APPLICATIONS, "travel")[0] == []
        told = client.get(APPLICATIONS, "travel", "done")
        assert told["metadata"]["annotations"].pop("spark-platform/archived") == "true"
        assert told == live

    def test_kubectl(self, site, tmp_path):
        need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
        kubectl = Kubectl(site.gateway.kubeconfig("ana@travel"), "travel", tmp_path)
        kubectl("create", "-f", "-", stdin=site.annotated("app"))
        site.becomes("app", RunState.RUNNING)
        row = kubectl("get", "sparkapp", "app").splitlines()[1].split()
        assert row[:3] == ["app", "RunningHealthy", site.cluster]
        state = "jsonpath={.status.currentState.currentStateSummary}=RunningHealthy"
        kubectl("wait", "sparkapplication", "app", f"--for={state}", "--timeout=20s")
        kubectl("delete", "sparkapplication", "app", "--wait=false")
        site.settles()
        kubectl("wait", "sparkapplication", "app", "--for=delete", "--timeout=20s")


def _away():
    raise Transient("it does not answer")


class TestFallback:
    def test_it_takes_what_no_cluster_can(self, away, tmp_path):
        with serving(away, tmp_path, FALLBACK) as site, site.gateway.client() as client:
            made = client.create(APPLICATIONS, "travel", application("spared"))
            assert made["metadata"]["annotations"]["spark-platform/cluster"] == "spare"
            why = site.gateway.placements.find("travel", "spared").why
            assert "of the fallback" in why
            assert "east: it does not answer" in why
            wrong = application("wrong")
            wrong["spec"]["configMapSpecs"] = [{"name": "x"}]
            with pytest.raises(Transient, match="no healthy cluster can take it: east do not"):
                client.create(APPLICATIONS, "travel", wrong)
            assert site.told.submissions == [site.job("spared")]

    def test_as_long_as_one_can_it_takes_nothing(self, kubeconfigs, tmp_path):
        with serving(kubeconfigs, tmp_path, FALLBACK) as site, site.gateway.client() as client:
            for number in range(5):
                client.create(APPLICATIONS, "travel", application(f"app-{number}"))
            assert site.told.submissions == []
            with pytest.raises(InvalidInput, match="spare is the domain's fallback"):
                client.create(APPLICATIONS, "travel", site.annotated("asked"))

    def test_other_domains_have_none(self, kubeconfigs, tmp_path):
        with serving(kubeconfigs, tmp_path) as site, site.gateway.client("eve@bank") as bank:
            named = site.annotated("app")
            with pytest.raises(InvalidInput, match="spare: the domain may not use it"):
                bank.create(APPLICATIONS, "bank", named)
