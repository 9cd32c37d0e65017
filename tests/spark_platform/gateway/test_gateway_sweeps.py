"""Sweeps over two clusters, and what is told of what they have taken away."""

import contextlib
import json
import shutil
import threading

import pytest
from gateways import application, behind, status
from kube_kubectl import Kubectl
from runs import Time

from requirements import need
from spark_platform.backends.sk8.backend import APPLICATIONS, Sk8
from spark_platform.gateway.finished import Keeping
from spark_platform.gateway.placements import Placement
from spark_platform.gateway.sweeper import Sweeper
from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound, Transient
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.model import JobSpec, RunState
from spark_testkit.ports import free_ports

TTL_S = 60


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def sweeper(gateway, time):
    return of(gateway, time)


def of(gateway, time, ttl_s=TTL_S, **clusters):
    members = {name: behind(name, each) for name, each in (gateway.clusters | clusters).items()}
    return Sweeper(
        members, gateway.placements, gateway.archive, gateway.audit,
        Keeping(ttl_s, archive_s=1000), now=time,
    )  # fmt: skip


def end(gateway, name, *states, namespace="travel"):
    """Have an operator say that an application came to these states."""
    (cluster,) = gateway.where(name, namespace)
    found = gateway.clusters[cluster].get(APPLICATIONS, namespace, name)
    told = status(*(states or ("RunningHealthy", "Succeeded", "ResourceReleased")))
    gateway.clusters[cluster].replace(APPLICATIONS, {**found, "status": told}, "status")
    return cluster


class Before:
    """A cluster to which something happens before each deletion."""

    def __init__(self, kubernetes, happens):
        self._kubernetes, self._happens = kubernetes, happens

    def __getattr__(self, name):
        return getattr(self._kubernetes, name)

    def delete(self, resource, namespace, name, **options):
        self._happens(self._kubernetes, namespace, name)
        self._kubernetes.delete(resource, namespace, name, **options)


def everywhere(gateway, time, happens):
    clusters = {name: Before(each, happens) for name, each in gateway.clusters.items()}
    return of(gateway, time, **clusters)


def test_what_has_finished_is_told_after_it_is_gone(gateway, client, sweeper, time):
    client.create(APPLICATIONS, "travel", application("done"))
    client.create(APPLICATIONS, "travel", application("runs"))
    cluster = end(gateway, "done")
    live = client.get(APPLICATIONS, "travel", "done")
    sweeper.sweep()
    time.pass_(TTL_S - 1)
    sweeper.sweep()
    assert client.get(APPLICATIONS, "travel", "done") == live, "it is still there itself"
    time.pass_(1)
    sweeper.sweep()
    assert (gateway.where("done"), gateway.where("runs") != []) == ([], True)
    told = client.get(APPLICATIONS, "travel", "done")
    assert told["metadata"]["annotations"].pop("spark-platform/archived") == "true"
    assert told == live
    assert [each["metadata"]["name"] for each in client.list(APPLICATIONS, "travel")[0]] == ["runs"]
    entry = gateway.audit.entries()[-1]
    assert (entry.user, entry.domain, entry.verb, entry.name, entry.cluster, entry.outcome) == (
        "spark-gateway", "travel", "delete", "done", cluster, "done"
    )  # fmt: skip
    assert entry.why == "it has finished, and its 60 s are over"


def test_kubectl(gateway, client, sweeper, time, tmp_path):
    need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
    kubectl = Kubectl(gateway.kubeconfig("ana@travel"), "travel", tmp_path)
    client.create(APPLICATIONS, "travel", application("done"))
    cluster = end(gateway, "done")
    time.pass_(TTL_S)
    sweeper.sweep()
    row = kubectl("get", "sparkapplication", "done").splitlines()[1].split()
    assert row[:3] == ["done", "ResourceReleased", cluster]
    assert "No resources found" in kubectl("get", "sparkapplications")
    kubectl("wait", "sparkapplication", "done", "--for=delete", "--timeout=20s")
    kubectl("delete", "sparkapplication", "done", "--timeout=20s")
    assert "NotFound" in kubectl("get", "sparkapplication", "done", fails=True)


def test_who_may_not_see_it_there_may_not_see_it_here(gateway, client, sweeper, time):
    client.create(APPLICATIONS, "travel", application("done"))
    end(gateway, "done")
    time.pass_(TTL_S)
    sweeper.sweep()
    header = {"Authorization": "Bearer eve@bank"}
    answer = gateway.ask("GET", APPLICATIONS.path("travel", "done"), headers=header)
    assert answer.status_code == 403
    answer = gateway.ask("GET", APPLICATIONS.path("bank", "done"), headers=header)
    assert answer.status_code == 404


def test_what_its_cluster_has_removed_is_told_as_it_was_last(gateway, client, sweeper):
    """An operator may have a time of its own."""
    client.create(APPLICATIONS, "travel", application("done"))
    end(gateway, "done", "Succeeded", "TerminatedWithoutReleaseResources")
    sweeper.sweep()
    cluster = end(gateway, "done", "Succeeded", "TerminatedWithoutReleaseResources",
                  "ResourceReleased")  # fmt: skip
    sweeper.sweep()
    gateway.clusters[cluster].delete(APPLICATIONS, "travel", "done")
    told = client.get(APPLICATIONS, "travel", "done")
    assert told["status"]["currentState"]["currentStateSummary"] == "ResourceReleased"
    assert told["metadata"]["annotations"]["spark-platform/archived"] == "true"


def test_what_is_deleted_by_somebody_is_not_told_of(gateway, client, sweeper, time):
    for name in ("live", "gone"):
        client.create(APPLICATIONS, "travel", application(name))
        end(gateway, name)
    sweeper.sweep()
    client.delete(APPLICATIONS, "travel", "live")
    (cluster,) = gateway.where("gone")
    gateway.clusters[cluster].delete(APPLICATIONS, "travel", "gone")
    with pytest.raises(Conflict, match="is not the one of uid other"):
        client.delete(APPLICATIONS, "travel", "gone", uid="other")
    uid = client.get(APPLICATIONS, "travel", "gone")["metadata"]["uid"]
    client.delete(APPLICATIONS, "travel", "gone", uid=uid)
    for name in ("live", "gone"):
        with pytest.raises(NotFound):
            client.get(APPLICATIONS, "travel", name)
        with pytest.raises(NotFound):
            client.delete(APPLICATIONS, "travel", name)


def test_a_name_that_is_used_again_tells_nothing_of_the_one_before(gateway, client, sweeper, time):
    client.create(APPLICATIONS, "travel", application("again"))
    end(gateway, "again")
    time.pass_(TTL_S)
    sweeper.sweep()
    client.create(APPLICATIONS, "travel", application("again"))
    made = client.get(APPLICATIONS, "travel", "again")
    assert "status" not in made
    (cluster,) = gateway.where("again")
    gateway.clusters[cluster].delete(APPLICATIONS, "travel", "again")
    with pytest.raises(NotFound):
        client.get(APPLICATIONS, "travel", "again")


def test_what_was_made_past_the_gateway_is_left_alone(gateway, client, sweeper, time):
    labels = {"spark-platform/domain": "travel"}
    value = application("own", labels=labels, namespace="travel")
    gateway.clusters["east"].create(APPLICATIONS, "travel", value)
    end(gateway, "own")
    time.pass_(10**6)
    sweeper.sweep()
    assert gateway.where("own") == ["east"]


def test_what_another_gateway_has_made_is_left_alone(gateway, sweeper, time):
    labels = {"spark-platform/domain": "travel"}
    stamps = {"spark-platform/placed-at": "2026-01-01T00:00:00+00:00"}
    value = application("theirs", labels=labels, annotations=stamps, namespace="travel")
    gateway.clusters["east"].create(APPLICATIONS, "travel", value)
    end(gateway, "theirs")
    time.pass_(10**6)
    sweeper.sweep()
    assert gateway.where("theirs") == ["east"]
    assert gateway.audit.entries() == []


def test_stamps_are_the_gateways_own(client):
    sent = {"spark-platform/placed-at": "x", "spark-platform/archived": "true"}
    made = client.create(APPLICATIONS, "travel", application("a", annotations=sent))
    assert made["metadata"]["annotations"]["spark-platform/placed-at"].startswith("20")
    assert "spark-platform/archived" not in made["metadata"]["annotations"]
    wrong = {"spark-platform/ttl-s": "soon"}
    with pytest.raises(InvalidInput, match='ttl-s is "soon"'):
        client.create(APPLICATIONS, "travel", application("b", annotations=wrong))


def test_the_platforms_backend_learns_the_end(gateway, sweeper, time):
    job = JobSpec(name="run-1", image="i:1", spark_version="4.1.4", main="local:///a.py", ttl_s=5)
    with gateway.client() as kubernetes:
        backend = Sk8(kubernetes, "travel")
        backend.submit(job)
        end(gateway, "run-1")
        before = backend.observe("run-1")
        time.pass_(5)
        sweeper.sweep()
        assert gateway.where("run-1") == []
        assert backend.observe("run-1") == before
        assert before.state is RunState.SUCCEEDED
        assert backend.submit(job) == before, "submitted again, it is the same job"
        assert backend.list() == []
        backend.cancel("run-1")
        assert backend.observe("run-1") == before, "an end is an end"
        with pytest.raises(Conflict, match="another job's"):
            backend.submit(JobSpec(**{**vars(job), "arguments": ("other",)}))
        backend.remove("run-1")
        with pytest.raises(NotFound):
            backend.observe("run-1")
        with pytest.raises(Conflict, match="was there and is gone"):
            kubernetes.create(
                APPLICATIONS, "travel",
                application("run-1", annotations={"spark-platform/digest": job.digest}),
            )  # fmt: skip


def test_what_a_killed_gateway_has_placed_is_not_made_again(gateway, client, sweeper, time):
    """It was made and has finished, though nobody could write down that it was made."""
    at = time()
    placement = Placement("travel", "half", "east", "", "travel", "ana", at)
    gateway.placements.place(placement)
    stamps = {"spark-platform/placed-at": placement.stamp, "spark-platform/digest": "1"}
    labels = {"spark-platform/domain": "travel"}
    value = application("half", annotations=stamps, labels=labels, namespace="travel")
    gateway.clusters["east"].create(APPLICATIONS, "travel", value)
    end(gateway, "half")
    time.pass_(TTL_S)
    sweeper.sweep()
    assert gateway.where("half") == []
    with pytest.raises(Conflict):
        client.create(
            APPLICATIONS, "travel",
            application("half", annotations={"spark-platform/digest": "1"}),
        )  # fmt: skip
    assert gateway.where("half") == []


class TestFaults:
    def test_killed_between_archiving_and_deleting(self, gateway, client, sweeper, time):
        client.create(APPLICATIONS, "travel", application("done"))
        end(gateway, "done")
        time.pass_(TTL_S)

        def killed(*_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            everywhere(gateway, time, killed).sweep()
        assert gateway.where("done") != []
        sweeper.sweep()
        assert gateway.where("done") == []
        assert client.get(APPLICATIONS, "travel", "done")

    def test_a_cluster_that_is_away_keeps_no_other(self, gateway, client, time, tmp_path, caplog):
        client.create(APPLICATIONS, "travel", application("done"))
        end(gateway, "done")
        time.pass_(TTL_S)
        (port,) = free_ports(1)
        file = tmp_path / "away.json"
        file.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "a",
            "clusters": [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": ""}}],
        }))  # fmt: skip
        with contextlib.closing(connect(file)) as away:
            of(gateway, time, away=away).sweep()
        assert gateway.where("done") == []
        assert "sweeping away: the Kubernetes API" in caplog.text

    def test_one_that_cannot_be_deleted_keeps_no_other(self, gateway, client, time, caplog):
        for name in ("a", "b", "c"):
            client.create(APPLICATIONS, "travel", application(name))
            end(gateway, name)
        time.pass_(TTL_S)

        def refused(_, __, name):
            if name == "a":
                raise Transient("its webhook is away")

        everywhere(gateway, time, refused).sweep()
        assert [gateway.where(name) == [] for name in ("a", "b", "c")] == [False, True, True]
        assert "travel/a: its webhook is away" in caplog.text

    def test_one_that_is_gone_already(self, gateway, client, time, caplog):
        client.create(APPLICATIONS, "travel", application("done"))
        end(gateway, "done")
        time.pass_(TTL_S)

        def faster(kubernetes, namespace, name):
            kubernetes.delete(APPLICATIONS, namespace, name)

        everywhere(gateway, time, faster).sweep()
        assert gateway.audit.entries()[-1].code == "NotFound"
        assert "sweeping" not in caplog.text
        assert client.get(APPLICATIONS, "travel", "done")

    def test_another_that_has_its_name_is_not_deleted(self, gateway, client, time, caplog):
        client.create(APPLICATIONS, "travel", application("done"))
        end(gateway, "done")
        time.pass_(TTL_S)

        def replaced(kubernetes, namespace, name):
            kubernetes.delete(APPLICATIONS, namespace, name)
            kubernetes.create(APPLICATIONS, namespace, application(name))

        everywhere(gateway, time, replaced).sweep()
        assert gateway.where("done") != []
        assert gateway.audit.entries()[-1].code == "Conflict"
        assert "sweeping" not in caplog.text

    def test_without_an_audit_nothing_is_deleted(self, gateway, client, sweeper, time):
        client.create(APPLICATIONS, "travel", application("done"))
        end(gateway, "done")
        time.pass_(TTL_S)
        with gateway.audit._engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE audit RENAME TO hidden")
        sweeper.sweep()
        assert gateway.where("done") != []
        with gateway.audit._engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE hidden RENAME TO audit")
        sweeper.sweep()
        assert gateway.where("done") == []

    def test_several_sweep_at_once(self, gateway, client, time):
        names = [f"done-{number}" for number in range(6)]
        for name in names:
            client.create(APPLICATIONS, "travel", application(name))
            end(gateway, name)
        time.pass_(TTL_S)
        threads = [threading.Thread(target=of(gateway, time).sweep) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert [gateway.where(name) for name in names] == [[]] * 6
        for name in names:
            assert client.get(APPLICATIONS, "travel", name)


def test_the_archive_ends_too(gateway, client, sweeper, time):
    client.create(APPLICATIONS, "travel", application("done"))
    end(gateway, "done")
    time.pass_(TTL_S)
    sweeper.sweep()
    time.pass_(1001)
    sweeper.sweep()
    with pytest.raises(NotFound):
        client.get(APPLICATIONS, "travel", "done")
