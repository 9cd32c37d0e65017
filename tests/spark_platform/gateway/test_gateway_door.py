"""The gateway over two clusters, by kubectl, by the platform's own backend, and past them."""

import contextlib
import json
import shutil
import threading
import time
from datetime import datetime, timezone

import pytest
from gateways import NAMES, TIMEOUT_S, Gateway, application, prepare
from kube_kubectl import Kubectl

from requirements import need
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings as ClusterSettings
from spark_platform.backends.sk8.backend import APPLICATIONS, Sk8
from spark_platform.gateway.placements import Placement
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, Transient
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import JobSpec, RunState


def test_applications_are_spread_and_seen_as_one_list(gateway, client):
    names = [f"app-{number}" for number in range(12)]
    for name in names:
        made = client.create(APPLICATIONS, "travel", application(name))
        cluster = made["metadata"]["annotations"]["spark-platform/cluster"]
        assert gateway.where(name) == [cluster]
        assert (
            client.get(APPLICATIONS, "travel", name)["metadata"]["uid"] == made["metadata"]["uid"]
        )
    assert {gateway.where(name)[0] for name in names} == set(NAMES)
    found, _ = client.list(APPLICATIONS, "travel")
    assert sorted(each["metadata"]["name"] for each in found) == sorted(names)
    assert {each["metadata"]["labels"]["spark-platform/domain"] for each in found} == {"travel"}


def test_what_asks_for_a_place_goes_there(gateway, client):
    region = {"spark-platform/region": "eu-west"}
    client.create(APPLICATIONS, "travel", application("regional", annotations=region))
    assert gateway.where("regional") == ["west"]
    named = {"spark-platform/wants-cluster": "nowhere"}
    with pytest.raises(InvalidInput, match="the application asks for nowhere"):
        client.create(APPLICATIONS, "travel", application("named", annotations=named))
    with gateway.client("eve@bank") as bank:
        for number in range(5):
            bank.create(APPLICATIONS, "bank", application(f"b-{number}"))
            assert gateway.where(f"b-{number}", "bank") == ["west"]


def test_a_name_is_one_application(gateway, client):
    client.create(APPLICATIONS, "travel", application("once"))
    with pytest.raises(Conflict, match='"once" already exists'):
        client.create(APPLICATIONS, "travel", application("once"))
    assert len(gateway.where("once")) == 1
    client.delete(APPLICATIONS, "travel", "once")
    with pytest.raises(NotFound):
        client.get(APPLICATIONS, "travel", "once")
    client.create(APPLICATIONS, "travel", application("once"))


def test_a_name_is_not_given_away_while_its_application_still_ends(gateway, client):
    held = {"metadata": {"finalizers": ["tests/hold"]}}
    client.create(APPLICATIONS, "travel", application("ends"))
    (cluster,) = gateway.where("ends")
    gateway.clusters[cluster].patch(APPLICATIONS, "travel", "ends", held)
    client.delete(APPLICATIONS, "travel", "ends")
    other = {"spark-platform/wants-cluster": next(name for name in NAMES if name != cluster)}
    with pytest.raises(Conflict):
        client.create(APPLICATIONS, "travel", application("ends", annotations=other))
    assert gateway.where("ends") == [cluster]
    free = {"metadata": {"finalizers": None}}
    gateway.clusters[cluster].patch(APPLICATIONS, "travel", "ends", free)
    client.create(APPLICATIONS, "travel", application("ends", annotations=other))
    assert gateway.where("ends") == [other["spark-platform/wants-cluster"]]


def test_what_its_cluster_has_forgotten_is_not_made_again(gateway, client):
    """A cluster deletes applications some time after their end."""
    for_ever = {"spark-platform/digest": "1"}
    for name, annotations in (("job", for_ever), ("other", {})):
        client.create(APPLICATIONS, "travel", application(name, annotations=annotations))
        (cluster,) = gateway.where(name)
        gateway.clusters[cluster].delete(APPLICATIONS, "travel", name)
    with pytest.raises(Conflict, match='"job" was there and is gone'):
        client.create(APPLICATIONS, "travel", application("job", annotations=for_ever))
    assert gateway.where("job") == []
    client.create(APPLICATIONS, "travel", application("other"))
    assert len(gateway.where("other")) == 1


def test_what_was_placed_and_not_made_is_made_where_it_was_to_be(gateway, client):
    """A gateway that ends in between."""
    for cluster in NAMES:
        name = f"half-{cluster}"
        at = datetime(2026, 1, 1, tzinfo=timezone.utc)
        gateway.placements.place(Placement("travel", name, cluster, "", "travel", "ana", at))
        value = application(name, annotations={"spark-platform/digest": "1"})
        client.create(APPLICATIONS, "travel", value)
        assert gateway.where(name) == [cluster]
        assert gateway.placements.find("travel", name).made


def test_a_refused_application_leaves_its_name_free(gateway, client):
    wrong = application("free")
    wrong["spec"]["nonsense"] = {"x": 1}
    wrong["spec"]["runtimeVersions"] = {"sparkVersion": 5}
    with pytest.raises(InvalidInput):
        client.create(APPLICATIONS, "travel", wrong)
    assert gateway.where("free") == []
    client.create(APPLICATIONS, "travel", application("free"))
    with pytest.raises(InvalidInput):
        client.create(APPLICATIONS, "travel", wrong)
    assert client.get(APPLICATIONS, "travel", "free"), "and that of one that is there is kept"


def test_changes_of_all_clusters_are_one_stream(gateway, client):
    _, version = client.list(APPLICATIONS, "travel")
    watch, seen = client.watch(APPLICATIONS, "travel", version=version), []

    def read():
        for kind, found in watch:
            seen.append((kind, found["metadata"]["name"]))

    thread = threading.Thread(target=read)
    thread.start()
    wanted = []
    for cluster, name in (("east", "seen-e"), ("west", "seen-w")):
        region = {"spark-platform/region": f"eu-{cluster}"}
        client.create(APPLICATIONS, "travel", application(name, annotations=region))
        client.delete(APPLICATIONS, "travel", name)
        wanted += [("ADDED", name), ("DELETED", name)]

    def all_seen():
        if set(wanted) - set(seen):
            raise NotYet(str(seen))

    poll(all_seen, what="the changes", timeout_s=TIMEOUT_S)
    watch.stop()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


def test_the_platforms_backend_does_not_know_the_difference(gateway):
    with gateway.client() as kubernetes:
        backend = Sk8(kubernetes, "travel")
        job = JobSpec(name="run-1", image="i:1", spark_version="4.1.4", main="local:///a.py")
        first = backend.submit(job)
        assert first.cluster in NAMES
        assert backend.submit(job).cluster == first.cluster, "submitted again, it is there already"
        stop, seen = threading.Event(), []

        def follow():
            for each in backend.watch(stop):
                seen.append((each.name, each.state))

        thread = threading.Thread(target=follow)
        thread.start()
        (cluster,) = gateway.where("run-1")
        found = gateway.clusters[cluster].get(APPLICATIONS, "travel", "run-1")
        status = {"currentState": {"currentStateSummary": "RunningHealthy", "message": "up",
                                   "lastTransitionTime": "2026-01-01T00:00:00Z"},
                  "stateTransitionHistory": {}}  # fmt: skip
        gateway.clusters[cluster].replace(APPLICATIONS, {**found, "status": status}, "status")

        def told(state):
            def check():
                if ("run-1", state) not in seen:
                    raise NotYet(str(seen))

            poll(check, what=str(state), timeout_s=TIMEOUT_S)

        told(RunState.RUNNING)
        assert backend.observe("run-1").state is RunState.RUNNING
        backend.cancel("run-1")
        told(RunState.CANCELLED)
        with pytest.raises(Conflict):
            # a late worker's: its name was this job's for ever
            backend._kubernetes.create(APPLICATIONS, "travel", _same_again(found))
        stop.set()
        thread.join(TIMEOUT_S)


def _same_again(found):
    kept = {key: found["metadata"][key] for key in ("name", "annotations", "labels")}
    return {**application("x"), "metadata": kept}


def test_kubectl(gateway, tmp_path):
    need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
    kubectl = Kubectl(gateway.kubeconfig("ana@travel"), "travel", tmp_path)
    kubectl("create", "-f", "-", stdin=application("by-kubectl"))
    shown = kubectl("get", "sparkapplications")
    assert "CURRENT STATE" in shown
    assert shown.splitlines()[1].split()[-2] in NAMES
    assert "by-kubectl" in kubectl("get", "sparkapp", "by-kubectl", "-o", "yaml")
    wrong = application("wrong")
    wrong["spec"]["nonsense"] = 1
    assert 'unknown field "spec.nonsense"' in kubectl("create", "-f", "-", stdin=wrong, fails=True)
    refused = kubectl("delete", "sparkapp", "by-kubectl", "--dry-run=server", fails=True)
    assert "dryRun of a deletion is not supported" in refused
    assert gateway.where("by-kubectl"), "what is only tried ends nothing"
    with kubectl.running("get", "sparkapplications", "--watch") as watching:
        assert "NAME" in watching.stdout.readline()
        assert "by-kubectl" in watching.stdout.readline()
        kubectl("delete", "sparkapplication", "by-kubectl", "--wait=false")
        assert "by-kubectl" in watching.stdout.readline()
    for name in ("waited-for", "other"):
        kubectl("create", "-f", "-", stdin=application(name))
    assert "deleted" in kubectl("delete", "sparkapplication", "waited-for", "--timeout=20s")
    kubectl("wait", "sparkapplication", "waited-for", "--for=delete", "--timeout=20s")
    named = kubectl("get", "sparkapp", "--field-selector", "metadata.name=other", "-o", "name")
    assert named.split() == ["sparkapplication.spark.apache.org/other"]
    refused = kubectl("get", "sparkapplications", "-n", "bank", fails=True)
    assert 'may not use namespace "bank"' in refused
    refused = kubectl("get", "sparkapplications", "-A", fails=True)
    assert "may not list all namespaces" in refused


def test_a_watch_of_one_name_tells_when_all_that_is_there_was_told(gateway, client):
    for name in ("mine", "other"):
        client.create(APPLICATIONS, "travel", application(name))
    query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch="
    query += "NotOlderThan&timeoutSeconds=1&fieldSelector=metadata.name%3Dmine"
    answer = gateway.ask("GET", f"{TestBadInput.PLACE}?{query}", headers=TestBadInput.HEADER)
    added, end = map(json.loads, answer.text.splitlines())
    assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "mine")
    assert end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    version = end["object"]["metadata"]["resourceVersion"]
    with contextlib.closing(iter(client.watch(APPLICATIONS, "travel", version=version))) as watch:
        client.delete(APPLICATIONS, "travel", "other")
        kind, found = next(watch)
        assert (kind, found["metadata"]["name"]) == ("DELETED", "other"), "it goes on from there"


class TestStrangers:
    PATHS = (
        ("GET", "/apis/spark.apache.org/v1/namespaces/travel/sparkapplications"),
        ("GET", "/apis/spark.apache.org/v1/namespaces/travel/sparkapplications?watch=true"),
        ("POST", "/apis/spark.apache.org/v1/namespaces/travel/sparkapplications"),
        ("GET", "/apis/spark.apache.org/v1/namespaces/travel/sparkapplications/app"),
        ("DELETE", "/apis/spark.apache.org/v1/namespaces/travel/sparkapplications/app"),
        ("GET", "/api/v1/namespaces/travel/pods/app-0-driver"),
        ("GET", "/api/v1/namespaces/travel/pods/app-0-driver/log"),
    )

    def test_nobody_knows_them(self, gateway):
        for method, path in (*self.PATHS, ("GET", "/apis"), ("GET", "/version")):
            answer = gateway.ask(method, path)
            assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized"), path

    def test_another_domain(self, gateway, client):
        client.create(APPLICATIONS, "travel", application("app"))
        header = {"Authorization": "Bearer eve@bank"}
        for method, path in self.PATHS:
            answer = gateway.ask(method, path, headers=header, json={})
            assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden"), path
            assert answer.json()["kind"] == "Status"
        assert gateway.where("app"), "nothing has happened to it"

    def test_the_platforms_own_users_may_see_all(self, gateway, client):
        client.create(APPLICATIONS, "travel", application("app"))
        with gateway.client("runner@platform") as runner:
            assert [each["metadata"]["name"] for each in runner.list(APPLICATIONS)[0]] == ["app"]

    def test_other_pods_are_not_there(self, client):
        with pytest.raises(NotFound, match="knows drivers only"):
            client.logs("travel", "kube-proxy")
        with pytest.raises(NotFound):
            client.logs("travel", "app-0-driver")


class TestBadInput:
    HEADER = {"Authorization": "Bearer ana@travel"}  # noqa: RUF012
    PLACE = "/apis/spark.apache.org/v1/namespaces/travel/sparkapplications"

    @pytest.mark.parametrize(
        ("path", "body", "code", "words"),
        [
            (PLACE, b"{", 400, "the body is no JSON"),
            (PLACE, b"[]", 400, "no object with metadata"),
            (PLACE, b"x" * (4 << 20), 400, "larger than"),
            (f"{PLACE}?dryRun=All", b"{}", 400, "dryRun is not supported"),
            ("/apis/apps/v1/namespaces/travel/deployments", b"{}", 404, "could not find"),
        ],
    )
    def test_creations(self, gateway, path, body, code, words):
        answer = gateway.ask("POST", path, content=body, headers=self.HEADER)
        assert (answer.status_code, answer.json()["code"]) == (code, code)
        assert words in answer.json()["message"]

    def test_queries(self, gateway):
        for query, code, words in (
            ("fieldSelector=status.phase%3Dx", 400, "the field selector 'status.phase=x'"),
            ("watch=true&fieldSelector=status.phase%3Dx", 400, "the field selector"),
            ("continue=x", 400, "continue is not supported"),
            ("watch=true&resourceVersion=12", 410, "too old"),
        ):
            answer = gateway.ask("GET", f"{self.PLACE}?{query}", headers=self.HEADER)
            assert answer.status_code == code
            assert words in answer.json()["message"]

    def test_smuggling(self, client):
        wrong = application("smuggled", labels={"spark-platform/domain": "bank"})
        with pytest.raises(Forbidden, match="the domain is travel"):
            client.create(APPLICATIONS, "travel", wrong)


@pytest.fixture
def lost(tmp_path):
    """A cluster with the domain's namespace; ends when a test says so."""
    file = tmp_path / "lost"
    with contextlib.ExitStack() as ends:
        ends.enter_context(ApiServer(ClusterSettings(name="lost", port=0, kubeconfig=file)))
        prepare(file, "travel")
        yield file, ends.close


def test_a_cluster_that_is_away(kubeconfigs, tmp_path, lost):
    """New applications go elsewhere; of those that are there nothing seems to be gone."""
    file, ends = lost
    both = {"east": kubeconfigs["east"], "lost": file}
    gateway = Gateway(both, tmp_path, sqlite_url(tmp_path / "gateway.sqlite"))
    try:
        with gateway.client() as client:
            there = {"spark-platform/wants-cluster": "lost"}
            client.create(APPLICATIONS, "travel", application("there", annotations=there))
            _, version = client.list(APPLICATIONS, "travel")
            watch = client.watch(APPLICATIONS, "travel", version=version)
            ends()
            begin = time.monotonic()
            with contextlib.suppress(Transient):
                assert [kind for kind, _ in watch if kind != "ERROR"] == []
            assert time.monotonic() - begin < TIMEOUT_S, "the stream has ended"
            for number in range(4):
                name = f"new-{number}"
                made = client.create(APPLICATIONS, "travel", application(name))
                assert made["metadata"]["annotations"]["spark-platform/cluster"] == "east"
                client.delete(APPLICATIONS, "travel", name)
            for ask in (
                lambda: client.get(APPLICATIONS, "travel", "there"),
                lambda: client.list(APPLICATIONS, "travel"),
                lambda: client.create(APPLICATIONS, "travel", application("there")),
            ):
                with pytest.raises(Transient):
                    ask()
    finally:
        gateway.close()


def test_the_only_cluster_that_is_away(tmp_path, lost):
    """Who has no other is told so, and may ask again."""
    file, ends = lost
    gateway = Gateway({"lost": file}, tmp_path, sqlite_url(tmp_path / "gateway.sqlite"))
    try:
        with gateway.client() as client:
            client.create(APPLICATIONS, "travel", application("there"))
            ends()
            for _ in range(2):
                with pytest.raises(Transient):
                    client.create(APPLICATIONS, "travel", application("new"))
            assert not gateway.placements.find("travel", "new").made
    finally:
        gateway.close()
