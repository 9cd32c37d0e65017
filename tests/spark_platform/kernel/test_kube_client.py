"""The platform's client of Kubernetes, its copies of collections, its queue and its election."""

import contextlib
import json
import threading

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kube_api import config_map

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings
from spark_platform.kernel.errors import (
    Conflict,
    InvalidInput,
    Missing,
    NotFound,
    Transient,
    Unauthenticated,
)
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.kernel.kubernetes.errors import AlreadyExists, Expired, Forbidden, error_of
from spark_platform.kernel.kubernetes.lease import LEASES, Election, LeaseSettings
from spark_platform.kernel.kubernetes.reflector import Reflector
from spark_platform.kernel.kubernetes.resources import Resource, key_of
from spark_platform.kernel.kubernetes.workqueue import WorkQueue
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.faults import Faults

MAPS = Resource("v1", "configmaps")
SPACE = "default"
TIMEOUT_S = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = Settings(port=0, kubeconfig=tmp_path_factory.mktemp("kube") / "kubeconfig")
    with ApiServer(settings):
        yield settings.kubeconfig


@pytest.fixture
def kubernetes(server):
    with contextlib.closing(connect(server)) as found:
        yield found
        for each in found.list(MAPS, SPACE)[0]:
            found.delete(MAPS, *key_of(each))


@pytest.fixture
def faults(server):
    found = Faults(server)
    yield found
    found.clear()
    found.close()


@pytest.fixture
def copy(kubernetes):
    """A copy of the ConfigMaps, and the changes it told."""
    told = []
    reflector = Reflector(
        kubernetes, MAPS, lambda before, now: told.append((before, now)), namespace=SPACE
    )
    reflector.start()
    assert reflector.synced.wait(TIMEOUT_S)
    yield reflector, told
    reflector.stop()


def names(reflector):
    return {key_of(each)[1] for each in reflector.all()} - {"kube-root-ca.crt"}


def until(condition, what):
    def check():
        if not condition():
            raise NotYet("not yet")

    poll(check, what=what, timeout_s=TIMEOUT_S)


def test_a_token_in_a_file_is_read_anew(server, tmp_path):
    document = yaml.safe_load(server.read_text())
    document["users"][0]["user"] = {"tokenFile": "token"}
    way, token = tmp_path / "kubeconfig", tmp_path / "token"
    way.write_text(yaml.safe_dump(document))
    token.write_text("expired")
    with contextlib.closing(connect(server)) as admin, contextlib.closing(connect(way)) as found:
        with pytest.raises(Unauthenticated):
            found.list(MAPS, SPACE)
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        accounts = Resource("v1", "serviceaccounts")
        answer = admin.create(Resource("v1", f"{accounts.plural}/default/token"), SPACE, asked)
        token.write_text(answer["status"]["token"])
        # it is known now, and may nothing
        with pytest.raises(Forbidden):
            found.list(MAPS, SPACE)


def test_objects_come_change_and_go(kubernetes):
    made = kubernetes.create(MAPS, SPACE, config_map("a", data={"x": "1"}))
    assert kubernetes.get(MAPS, SPACE, "a") == made
    patched = kubernetes.patch(MAPS, SPACE, "a", {"data": {"x": "2"}})
    with pytest.raises(Conflict):
        kubernetes.replace(MAPS, {**made, "data": {}})
    assert kubernetes.replace(MAPS, {**patched, "data": {"y": "3"}})["data"] == {"y": "3"}
    value = config_map("a", data={"z": "4"})
    value["metadata"]["namespace"] = SPACE
    assert kubernetes.apply(MAPS, value, "me")["data"] == {"y": "3", "z": "4"}
    with pytest.raises(AlreadyExists):
        kubernetes.create(MAPS, SPACE, config_map("a"))
    with pytest.raises(Conflict):
        kubernetes.delete(MAPS, SPACE, "a", uid="another")
    kubernetes.delete(MAPS, SPACE, "a")
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        kubernetes.get(MAPS, SPACE, "a")
    with pytest.raises(InvalidInput, match="NOT A NAME"):
        kubernetes.create(MAPS, SPACE, config_map("NOT A NAME"))


def test_lists_are_read_page_by_page(kubernetes, monkeypatch):
    monkeypatch.setattr("spark_platform.kernel.kubernetes.client._PAGE", 2)
    for number in range(5):
        kubernetes.create(MAPS, SPACE, config_map(f"m{number}", metadata={"labels": {"a": "b"}}))
    found, version = kubernetes.list(MAPS, SPACE, "a=b")
    assert [key_of(each)[1] for each in found] == [f"m{number}" for number in range(5)]
    assert int(version) > 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [(403, Forbidden), (410, Expired), (422, InvalidInput), (429, Transient), (503, Transient)],
)
def test_each_refusal_is_an_error_of_the_tree(code, kind):
    error = error_of(code, b'{"kind":"Status","message":"why","reason":"R"}', "7", "GET /x")
    assert type(error) is kind
    assert str(error).startswith(f"why ({code} R: GET /x)")
    assert not isinstance(error, Transient) or code == 410 or error.retry_after_s == 7


def test_a_proxys_words_are_shown_as_they_are():
    assert "Bad Gateway" in str(error_of(502, b"<h1>Bad Gateway</h1>", None, "GET /x"))


def test_without_a_server_it_says_so(tmp_path, server):
    with pytest.raises(Missing, match="no way to a Kubernetes cluster"):
        connect(tmp_path / "none")
    text = server.read_text()
    file = tmp_path / "kubeconfig"
    value = json.loads(text)
    value["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    file.write_text(json.dumps(value))
    with (
        contextlib.closing(connect(file)) as nobody,
        pytest.raises(Transient, match=r"127\.0\.0\.1:1"),
    ):
        nobody.list(MAPS)


def test_a_copy_follows(kubernetes, copy):
    reflector, told = copy
    kubernetes.create(MAPS, SPACE, config_map("a"))
    until(lambda: names(reflector) == {"a"}, "the map to be known")
    kubernetes.delete(MAPS, SPACE, "a")
    until(lambda: names(reflector) == set(), "the map to be forgotten")
    kinds = [
        (before is None, now is None) for before, now in told if key_of(now or before)[1] == "a"
    ]
    assert kinds == [(True, False), (False, True)]


@pytest.mark.parametrize("fault", ["drop_watches", "expire_watches", "refuse"])
def test_a_copy_outlives_what_befalls_its_watch(kubernetes, copy, faults, fault):
    reflector, _ = copy
    kubernetes.create(MAPS, SPACE, config_map("a"))
    until(lambda: names(reflector) == {"a"}, "the map to be known")
    rule = {
        "drop_watches": {"effect": "cut"},
        "expire_watches": {"effect": "expire"},
        "refuse": {"effect": "refuse", "code": 500},
    }[fault]
    with faults.rule(**rule, verbs=["watch", "list"], resources=["configmaps"], times=3):
        kubernetes.delete(MAPS, SPACE, "a")
        kubernetes.create(MAPS, SPACE, config_map("b"))
        until(lambda: names(reflector) == {"b"}, "what changed meanwhile to be known")


def test_what_was_written_is_known_before_the_news_and_never_older(kubernetes, copy):
    reflector, _ = copy
    made = kubernetes.create(MAPS, SPACE, config_map("a"))
    newer = kubernetes.patch(MAPS, SPACE, "a", {"data": {"x": "1"}})
    reflector.assume(newer)
    reflector.assume(made)
    assert reflector.get((SPACE, "a"))["data"] == {"x": "1"}
    kubernetes.delete(MAPS, SPACE, "a")
    until(lambda: reflector.get((SPACE, "a")) is None, "the map to be forgotten")
    # late news of what is gone
    reflector.assume(newer)
    assert reflector.get((SPACE, "a")) is None


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_key_is_one_workers_at_a_time():
    queue = WorkQueue(Time())
    queue.add("a")
    queue.add("a")
    assert queue.get(wait=False) == "a"
    queue.add("a")
    assert queue.get(wait=False) is None
    queue.done("a")
    assert queue.get(wait=False) == "a"
    queue.done("a")
    assert queue.get(wait=False) is None


def test_a_key_comes_at_its_time_and_the_earliest_counts():
    time = Time()
    queue = WorkQueue(time)
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 20)
    assert queue.next_due_s() == 5
    assert queue.get(wait=False) is None
    time.now = 5
    assert queue.get(wait=False) == "a"
    queue.done("a")
    time.now = 100
    assert queue.get(wait=False) is None


def test_failures_are_tried_again_later_and_later():
    queue = WorkQueue(Time(), backoff_s=1, most_s=5)
    assert [queue.failed("a") for _ in range(4)] == [1, 2, 4, 5]
    queue.forget("a")
    assert queue.failed("a") == 1
    assert queue.failed("a", 9) == 9


def test_a_closed_queue_lets_its_workers_go():
    queue = WorkQueue()
    worker = threading.Thread(target=queue.get)
    worker.start()
    queue.close()
    worker.join(TIMEOUT_S)
    assert not worker.is_alive()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["add", "get", "done"]))))
def test_no_key_is_lost_or_with_two_workers(steps):
    queue, waiting, busy = WorkQueue(Time()), set(), set()
    for key, step in steps:
        if step == "add":
            queue.add(key)
            waiting.add(key)
        elif step == "get":
            found = queue.get(wait=False)
            if found is None:
                assert waiting <= busy
            else:
                assert found in waiting - busy
                waiting.discard(found)
                busy.add(found)
        elif key in busy:
            queue.done(key)
            busy.discard(key)


@pytest.fixture
def candidates(kubernetes):
    time = Time()
    settings = LeaseSettings(SPACE, "leader", duration_s=15, renew_s=10)
    yield time, *(Election(kubernetes, settings, name, monotonic=time) for name in ("a", "b"))
    with contextlib.suppress(NotFound):
        kubernetes.delete(LEASES, SPACE, "leader")


def test_one_leads_until_it_does_not_renew(candidates):
    time, first, second = candidates
    assert first.attempt()
    assert not second.attempt()
    time.now = 9
    assert first.attempt()
    assert not second.attempt()
    # the first is dead; it counts as such for itself before the second may begin
    time.now = 20
    assert not first.leads()
    assert not second.attempt()
    time.now = 25
    assert second.attempt()
    assert not first.attempt()


def test_who_leaves_lets_another_lead_at_once(candidates, kubernetes):
    _, first, second = candidates
    assert first.attempt()
    first.release()
    assert second.attempt()
    assert not first.leads()
    spec = kubernetes.get(LEASES, SPACE, "leader")["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("b", 1)


def test_a_leader_without_a_server_stops(candidates, faults):
    time, first, _ = candidates
    assert first.attempt()
    with faults.rule("refuse", code=500, resources=["leases.*"]):
        time.now = 5
        assert first.attempt()
        time.now = 10
        assert not first.attempt()
