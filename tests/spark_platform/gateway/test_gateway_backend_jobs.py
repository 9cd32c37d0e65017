"""Applications that are jobs of a backend: how they come, go and fail."""

import shutil

import pytest
from gateway_backends import START, serving
from kube_kubectl import Kubectl

from requirements import need
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.members.objects import Objects
from spark_platform.kernel.errors import InvalidInput, NotFound, Terminal, Transient
from spark_platform.kernel.kubernetes.client import PODS
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.model import JobKind, RunState


@pytest.fixture
def client(backend):
    with backend.gateway.client() as client:
        yield client


class TestBackend:
    def test_what_only_kubernetes_understands_is_refused_with_its_field(self, backend, client):
        wrong = backend.annotated("app")
        wrong["spec"]["executorSpec"] = {"podTemplateSpec": {"spec": {"nodeName": "n"}}}
        with pytest.raises(
            InvalidInput, match=r"spare: spec\.executorSpec is for Kubernetes alone"
        ):
            client.create(APPLICATIONS, "travel", wrong)
        with pytest.raises(InvalidInput, match="spare: it has no secrets for the variables KEY"):
            client.create(APPLICATIONS, "travel", with_secret(backend))
        assert backend.told.submissions == []

    def test_what_its_jobs_have_by_other_means_may_be_asked_for(self, kubeconfigs, tmp_path):
        given = {"provided": frozenset({"KEY"}), "conf": {"spark.sql.x": "theirs"}}
        with serving(kubeconfigs, tmp_path, **given) as site, site.gateway.client() as client:
            client.create(APPLICATIONS, "travel", with_secret(site))
            (job,) = site.told.specs.values()
            assert (job.secrets, job.conf) == ({}, {"spark.sql.x": "theirs"})

    def test_a_name_on_it_is_of_one_application_alone(self, backend, client):
        """Two domains, or one after the other, may have the same."""
        for _ in range(2):
            client.create(APPLICATIONS, "travel", backend.annotated("same"))
            client.delete(APPLICATIONS, "travel", "same")
            backend.settles()
        assert len(set(backend.told.submissions)) == 2

    def test_a_gateway_that_ends_before_it_has_submitted(self, backend, client):
        backend.told.fails = [Transient("nobody answers")]
        backend.member.check = lambda: None
        made = client.create(APPLICATIONS, "travel", backend.annotated("app"))
        assert "status" not in made
        assert backend.told.submissions == []
        with pytest.raises(AlreadyExists):
            client.create(APPLICATIONS, "travel", backend.annotated("app"))
        for _ in range(3):
            backend.settles()
        assert backend.told.submissions == [backend.job("app")]
        found = client.get(APPLICATIONS, "travel", "app")
        assert found["status"]["currentState"]["currentStateSummary"] == "Submitted"
        assert found["metadata"]["uid"] == made["metadata"]["uid"]

    def test_a_gateway_that_ends_after_it_has_submitted(self, backend, client, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(Objects, "change", _dies)
            made = client.create(APPLICATIONS, "travel", backend.annotated("app"))
        assert "status" not in made
        for _ in range(2):
            backend.settles()
        assert backend.told.submissions == [backend.job("app")]
        assert client.get(APPLICATIONS, "travel", "app")["status"]
        with pytest.raises(AlreadyExists):
            client.create(APPLICATIONS, "travel", backend.annotated("app"))

    def test_what_the_backend_refuses_is_refused_and_nothing_is_left(self, backend, client):
        backend.told.submit = _refuses
        with pytest.raises(InvalidInput, match="no such image"):
            client.create(APPLICATIONS, "travel", backend.annotated("app"))
        assert client.list(APPLICATIONS, "travel")[0] == []
        del backend.told.submit
        client.create(APPLICATIONS, "travel", backend.annotated("app"))

    def test_what_it_refuses_later_has_failed(self, backend, client):
        backend.told.fails = [Transient("nobody answers")]
        backend.member.check = lambda: None
        client.create(APPLICATIONS, "travel", backend.annotated("app"))
        backend.told.submit = _denies
        backend.settles()
        found = client.get(APPLICATIONS, "travel", "app")["status"]
        states = [each["currentStateSummary"] for each in found["stateTransitionHistory"].values()]
        assert states == ["Submitted", "SchedulingFailure", "ResourceReleased"]
        assert "may not" in found["stateTransitionHistory"]["1"]["message"]

    def test_one_that_is_deleted_while_another_gateway_submits_it(self, backend, client):
        submit, told = backend.told.submit, backend.told

        def slow(job):
            seen = submit(job)
            kept = backend.member._objects.find("travel", "app")
            backend.member._mark(kept)
            backend.member._objects.gone(
                backend.member._objects.find("travel", "app"), kept.document, START
            )
            return seen

        told.submit = slow
        client.create(APPLICATIONS, "travel", backend.annotated("app"))
        assert [each.state for each in told.jobs.values()] == [RunState.CANCELLED]

    def test_a_job_that_is_gone_has_failed(self, backend, client):
        client.create(APPLICATIONS, "travel", backend.annotated("app"))
        backend.told.jobs.clear()
        backend.settles()
        found = client.get(APPLICATIONS, "travel", "app")["status"]["stateTransitionHistory"]
        assert "spare does not know the job any more" in found["1"]["message"]

    def test_its_jobs_are_ended_before_they_are_gone(self, backend, client):
        client.create(APPLICATIONS, "travel", backend.annotated("app"))
        backend.becomes("app", RunState.RUNNING)
        job, cancelled = backend.job("app"), []
        backend.told.cancel = cancelled.append
        client.delete(APPLICATIONS, "travel", "app")
        backend.settles()
        assert cancelled == [job]
        assert client.get(APPLICATIONS, "travel", "app")["metadata"]["deletionTimestamp"]
        backend.told.tell(job, RunState.RUNNING, cancelling=True)
        backend.settles()
        assert cancelled == [job], "it was told already"
        backend.told.tell(job, RunState.CANCELLED)
        backend.settles()
        with pytest.raises(NotFound):
            client.get(APPLICATIONS, "travel", "app")
        assert backend.told.jobs == {}

    def test_one_job_that_cannot_be_seen_keeps_nobody_else_waiting(self, backend, client):
        for name in ("first", "second"):
            client.create(APPLICATIONS, "travel", backend.annotated(name))
        backend.told.tell(backend.job("second"), RunState.RUNNING)
        backend.member.check = lambda: None
        backend.told.check = lambda: None
        backend.told.fails = [Terminal("broken")]
        backend.settles()
        found = client.get(APPLICATIONS, "travel", "second")["status"]["currentState"]
        assert found["currentStateSummary"] == "RunningHealthy"

    def test_a_driver_and_its_log(self, backend, client, tmp_path):
        client.create(APPLICATIONS, "travel", backend.annotated("app"))
        backend.becomes("app", RunState.RUNNING)
        job = backend.job("app")
        assert client.logs("travel", "app-0-driver", tail=5) == f"{job} 5"
        assert client.get(PODS, "travel", "app-0-driver")["status"]["phase"] == "Running"
        for pod in ("app-1-driver", "other-0-driver"):
            with pytest.raises(NotFound):
                client.logs("travel", pod)
        with pytest.raises(InvalidInput, match="container x is not valid"):
            client.logs("travel", "app-0-driver", "x")
        need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
        kubectl = Kubectl(backend.gateway.kubeconfig("ana@travel"), "travel", tmp_path)
        assert job in kubectl("logs", "app-0-driver")

    def test_an_orphan_would_run_for_ever(self, backend, client):
        client.create(APPLICATIONS, "travel", backend.annotated("app"))
        with pytest.raises(InvalidInput, match="Orphan"):
            client.delete(APPLICATIONS, "travel", "app", propagation="Orphan")

    def test_a_stream_stays_one(self, backend, client):
        value = backend.annotated("app", **{"spark-platform/kind": "stream"})
        client.create(APPLICATIONS, "travel", value)
        assert [each.kind for each in backend.told.specs.values()] == [JobKind.STREAM]


def with_secret(site):
    conf = {f"spark.kubernetes.{role}.secretKeyRef.KEY": "s:k" for role in ("driver", "executor")}
    value = site.annotated("secret")
    return {**value, "spec": {**value["spec"], "sparkConf": {**conf, "spark.sql.x": "own"}}}


def _dies(*_, **__):
    raise Transient("the gateway has ended")


def _refuses(job):
    raise InvalidInput(f"{job.image}: no such image")


def _denies(job):
    raise Terminal(f"{job.name} may not")
