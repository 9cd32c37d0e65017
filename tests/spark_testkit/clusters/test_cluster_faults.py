"""Faults from the public door, met by clients."""

import threading

import httpx
import pytest
from kube_api import Api, config_map, pod
from kube_nodes import need_namespaces

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import NodeOptions, Settings
from spark_platform.kernel.errors import InvalidInput, NotFound
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.faults import Faults

TIMEOUT_S = 60
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory):
    file = tmp_path_factory.mktemp("faults") / "kubeconfig"
    with ApiServer(Settings(port=0, kubeconfig=file)):
        yield file


@pytest.fixture
def api(kubeconfig):
    found = Api(kubeconfig, "default")
    yield found
    for name in ("c", "d"):
        found.http.delete(f"{CONFIG_MAPS}/{name}")
    found.close()


@pytest.fixture
def faults(kubeconfig):
    found = Faults(kubeconfig)
    yield found
    found.clear()
    found.close()


def test_conflicts_so_often_and_no_more(api, faults):
    api.create("configmaps", config_map())
    with faults.conflicts("configmaps", name="c", times=2) as fault:
        for _ in range(2):
            answer = api.http.put(f"{CONFIG_MAPS}/c", json=config_map(data={"a": "1"}))
            assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")
            assert "the object has been modified" in answer.json()["message"]
        assert fault.hits() == 2
        answer = api.http.put(f"{CONFIG_MAPS}/c", json=config_map(data={"a": "1"}))
        assert answer.status_code == 200
    with pytest.raises(NotFound):
        fault.hits()


def test_errors_only_where_they_are_wanted(api, faults):
    with faults.errors("secrets", "pods/*", namespace="kube-*"):
        assert api.http.get("/api/v1/namespaces/kube-system/secrets").status_code == 500
        assert api.http.get("/api/v1/namespaces/default/secrets").status_code == 200
        assert api.http.get("/api/v1/namespaces/kube-system/pods").status_code == 200
        assert api.http.get("/api/v1/namespaces/kube-system/pods/p/log").status_code == 500
    assert api.http.get("/api/v1/namespaces/kube-system/secrets").status_code == 200


def test_throttled_clients_are_told_how_long(api, faults):
    with faults.throttle("configmaps", retry_after_s=7, user="kubernetes-*"):
        answer = api.http.get(CONFIG_MAPS)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["reason"] == "TooManyRequests"
    assert answer.json()["details"] == {"retryAfterSeconds": 7}


def test_answers_that_take_their_time(api, faults):
    with faults.slow(1.5, "configmaps"):
        impatient = httpx.Timeout(0.3)
        with pytest.raises(httpx.ReadTimeout):
            api.http.get(CONFIG_MAPS, timeout=impatient)
        assert api.http.get("/api/v1/namespaces/default/secrets", timeout=impatient).is_success


def test_an_outage_breaks_everything_and_ends(api, faults):
    with api.watch(CONFIG_MAPS) as events:
        assert events.next()["type"] == "ADDED"  # kube-root-ca.crt
        with faults.outage() as fault:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                events.next()
            for _ in range(3):
                with pytest.raises(httpx.TransportError):
                    api.http.get(CONFIG_MAPS)
            with pytest.raises(httpx.TransportError):
                api.http.get("/version")
            assert fault.hits() >= 5
    assert api.http.get(CONFIG_MAPS).status_code == 200


def test_dropped_watches_go_on_where_they_were(api, faults):
    version = api.http.get(CONFIG_MAPS).json()["metadata"]["resourceVersion"]
    with api.watch(CONFIG_MAPS, resourceVersion=version) as events:
        api.create("configmaps", config_map("c"))
        seen = events.next()["object"]["metadata"]
        with (
            faults.drop_watches("configmaps", times=1),
            pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)),
        ):
            events.next()
    api.create("configmaps", config_map("d"))
    with api.watch(CONFIG_MAPS, resourceVersion=seen["resourceVersion"]) as events:
        assert events.next()["object"]["metadata"]["name"] == "d"


def test_expired_watches_say_410(api, faults):
    version = api.http.get(CONFIG_MAPS).json()["metadata"]["resourceVersion"]
    with api.watch(CONFIG_MAPS, resourceVersion=version) as running, faults.expire_watches():
        event = running.next()
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert event["object"]["reason"] == "Expired"
        assert running.rest() == []
        with api.watch(CONFIG_MAPS, resourceVersion=version) as fresh:
            assert fresh.next()["object"]["code"] == 410


def test_stalled_watches_catch_up(api, faults):
    version = api.http.get(CONFIG_MAPS).json()["metadata"]["resourceVersion"]
    with api.watch(CONFIG_MAPS, resourceVersion=version) as events:
        stall = faults.stall_watches("configmaps")
        api.create("configmaps", config_map("c"))
        seen = []
        reader = threading.Thread(target=lambda: seen.append(events.next()))
        reader.start()
        # other resources are not stalled, and a second write is not seen either
        api.create("configmaps", config_map("d"))
        with api.watch("/api/v1/namespaces/default/serviceaccounts") as others:
            assert others.next()["type"] == "ADDED"
        assert seen == []
        stall.remove()
        reader.join(TIMEOUT_S)
        assert seen[0]["object"]["metadata"]["name"] == "c"
        assert events.next()["object"]["metadata"]["name"] == "d"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"effect": "explode"}, "effect"),
        ({"effect": "cut", "times": "often"}, "times"),
        ({"effect": "cut", "verb": ["get"]}, "verb"),
        ({"effect": "delay", "delay_s": "x"}, "delay_s"),
    ],
)
def test_what_is_no_rule(faults, fields, named):
    with pytest.raises(InvalidInput, match=named):
        faults.rule(**fields)
    assert faults.rules() == []


def test_only_an_administrator_makes_faults(api, kubeconfig):
    with api.client() as http:
        assert http.post("/emulator/faults", json={"effect": "cut"}).status_code == 403
    assert api.http.post("/emulator/else").status_code == 404
    assert api.http.post("/emulator/nodes/n/lose").status_code == 400


def test_a_file_that_is_no_kubeconfig(tmp_path):
    (tmp_path / "x").write_text("clusters: []")
    with pytest.raises(InvalidInput, match="is no kubeconfig"):
        Faults(tmp_path / "x")
    with pytest.raises(InvalidInput, match="is no kubeconfig"):
        Faults(tmp_path / "absent")


def test_expired_tokens(api, faults):
    def token():
        path = "/api/v1/namespaces/default/serviceaccounts/default/token"
        return api.http.post(path, json={"spec": {}}).json()["status"]["token"]

    def works(text):
        with api.client({"Authorization": f"Bearer {text}"}) as http:
            return http.get("/version").status_code == 200

    first = token()
    assert works(first)
    faults.expire_tokens("kube-system")
    assert works(first)
    faults.expire_tokens("default", "default")
    assert not works(first)
    assert works(token())


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A cluster with two nodes, the second one of the spot market."""
    need_namespaces()
    file = tmp_path_factory.mktemp("nodes") / "kubeconfig"
    spot = NodeOptions(name="spot", labels={"market": "spot"})
    with ApiServer(Settings(port=0, kubeconfig=file, nodes=(NodeOptions(name="own"), spot))):
        yield file


class Pods:
    """Pods of a test, on the spot node."""

    def __init__(self, api):
        self.api = api

    def run(self, script, name="p", **spec):
        container = {"name": "main", "image": "debian", "command": ["sh", "-c", script]}
        spec = {"nodeSelector": {"market": "spot"}, "restartPolicy": "Never", **spec}
        given = pod(name, containers=[container], schedulerName="default-scheduler", **spec)
        self.api.create("pods", given)
        return self.until(lambda found: found["status"].get("phase") == "Running", name)

    def until(self, holds, name="p"):
        def check():
            found = self.api.http.get(self.api.path("pods", name)).json()
            if not holds(found):
                raise NotYet(str(found.get("status")))
            return found

        return poll(check, what=f"pod {name}", timeout_s=TIMEOUT_S)

    def say(self, text, *names):
        def check():
            for name in names:
                if text not in self.api.http.get(self.api.path("pods", name, "log")).text:
                    raise NotYet(name)

        poll(check, what=text, timeout_s=TIMEOUT_S)

    def ended(self, name="p"):
        return self.until(lambda found: found["status"]["phase"] in ("Succeeded", "Failed"), name)


@pytest.fixture
def pods(nodes):
    api = Api(nodes, "default")
    yield Pods(api)
    api.http.request(
        "DELETE",
        api.path("pods"),
        json={"gracePeriodSeconds": 0, "propagationPolicy": "Background"},
    )
    api.close()


@pytest.fixture
def node_faults(nodes):
    found = Faults(nodes)
    yield found
    found.clear()
    found.close()


def test_a_scheduler_that_takes_its_time(pods, node_faults):
    with node_faults.slow_binding(1.5, namespace="default") as fault:
        found = pods.run("sleep 600")
        assert fault.hits() == 1
    bound = next(each for each in found["status"]["conditions"] if each["type"] == "PodScheduled")
    # times in a status are whole seconds
    assert bound["lastTransitionTime"] > found["metadata"]["creationTimestamp"]


def test_a_container_that_is_out_of_memory(pods, node_faults):
    pods.run("sleep 300")
    node_faults.oom_kill("default", "p")
    state = pods.ended()["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (state["reason"], state["exitCode"]) == ("OOMKilled", 137)
    with pytest.raises(InvalidInput, match="'x' is not one of the pod's: main"):
        node_faults.oom_kill("default", "p", "x")


def test_an_evicted_pod(pods, node_faults):
    pods.run("trap '' TERM; sleep 300 & wait")
    node_faults.evict("default", "p", "The node was low on resource: memory.")
    status = pods.ended()["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"] == "The node was low on resource: memory."
    target = {each["type"]: each for each in status["conditions"]}["DisruptionTarget"]
    assert (target["status"], target["reason"]) == ("True", "TerminationByKubelet")


def test_a_machine_that_is_lost_takes_its_pods_with_it(pods, node_faults, tmp_path):
    marker = tmp_path / "alive"
    host = {"volumes": [{"name": "v", "hostPath": {"path": str(tmp_path)}}]}
    beat = f"while :; do echo x > {marker}; sleep 0.1; done"
    pods.run(beat, **host)
    node_faults.lose_node("spot")
    try:
        # nobody says that it has ended, and nobody can be asked
        assert pods.until(lambda found: True)["status"]["phase"] == "Running"
        answer = pods.api.http.get(pods.api.path("pods", "p", "log"))
        assert answer.status_code == 500
        assert "dial tcp" in answer.json()["message"]
    finally:
        node_faults.return_node("spot")
    found = pods.ended()
    assert found["status"]["phase"] == "Failed"
    with pytest.raises(NotFound, match='nodes "x" not found'):
        node_faults.lose_node("x")


def test_a_spot_node_that_is_taken_away(pods, node_faults):
    pods.run("trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done", "polite")
    pods.run("trap '' TERM; echo ready; while :; do sleep 0.1; done", "stubborn")
    pods.say("ready", "polite", "stubborn")
    node_faults.preempt_node("spot", notice_s=2)
    try:
        for name, code in (("polite", 0), ("stubborn", 137)):
            status = pods.until(lambda found: True, name)["status"]
            assert (status["phase"], status["reason"]) == ("Failed", "Terminated")
            assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code
        names = [
            each["metadata"]["name"] for each in pods.api.http.get("/api/v1/nodes").json()["items"]
        ]
        assert names == ["own"]
    finally:
        node_faults.return_node("spot")
    assert pods.run("sleep 300", "next")["spec"]["nodeName"] == "spot"
