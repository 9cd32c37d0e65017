"""What the controllers of services, budgets and daemons decide, over wide inputs."""

from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.kubernetes.controllers.workloads import addresses, daemonsets, disruption

NOW = 1_000_000_000.0
STAMP = "2001-09-09T01:46:40Z"
HASH = "controller-revision-hash"
KINDS = st.sampled_from(["ready", "unready", "going", "ended"])


def pod(index, kind, node="", revision="a"):
    metadata = {
        "name": f"p{index}", "namespace": "n", "uid": str(index), "creationTimestamp": STAMP,
        "labels": {HASH: revision},
    }  # fmt: skip
    if kind == "going":
        metadata["deletionTimestamp"] = STAMP
    ready = {"type": "Ready", "status": str(kind == "ready"), "lastTransitionTime": STAMP}
    return {
        "metadata": metadata,
        "spec": {"nodeName": node or "node", "containers": [{"ports": [
            {"name": "web", "containerPort": 8000 + index % 2}
        ]}]},
        "status": {
            "phase": "Succeeded" if kind == "ended" else "Running",
            "podIP": f"10.0.{index // 250}.{index % 250}",
            "conditions": [ready],
        },
    }  # fmt: skip


def pods_of(kinds):
    return [pod(index, kind) for index, kind in enumerate(kinds)]


def service(target=80, **spec):
    port = {"port": 80, "targetPort": target, "protocol": "TCP"}
    return {"metadata": {"name": "s"}, "spec": {"ports": [port], **spec}}


def ips(subsets, place):
    return sorted(each["ip"] for subset in subsets for each in subset.get(place, ()))


@given(st.lists(KINDS, max_size=8), st.booleans())
def test_each_pod_is_where_its_readiness_puts_it(kinds, whatever):
    given_pods = pods_of(kinds)
    subsets = addresses.subsets_of(service(publishNotReadyAddresses=whatever), given_pods)
    of = {
        kind: [
            p["status"]["podIP"] for p, each in zip(given_pods, kinds, strict=True) if each == kind
        ]
        for kind in ("ready", "unready", "going")
    }
    if whatever:
        assert ips(subsets, "addresses") == sorted([*of["ready"], *of["unready"], *of["going"]])
        assert ips(subsets, "notReadyAddresses") == []
    else:
        assert ips(subsets, "addresses") == sorted(of["ready"])
        assert ips(subsets, "notReadyAddresses") == sorted(of["unready"])
    endpoints = [
        e for each in addresses.slices_of(service(), given_pods) for e in each["endpoints"]
    ]
    assert len(endpoints) == sum(map(len, of.values()))
    assert sum(each["conditions"]["terminating"] for each in endpoints) == len(of["going"])


def test_slices_hold_a_hundred():
    found = addresses.slices_of(service(), pods_of(["ready"] * 250))
    assert [len(each["endpoints"]) for each in found] == [100, 100, 50]


def test_a_port_by_name_is_each_pods_own():
    found = addresses.subsets_of(service("web"), pods_of(["ready"] * 3))
    assert [(each["ports"][0]["port"], len(each["addresses"])) for each in found] == [
        (8000, 2), (8001, 1),
    ]  # fmt: skip
    assert addresses.subsets_of(service("absent"), pods_of(["ready"]))[0].get("ports") is None


LIMITS = st.integers(0, 5) | st.sampled_from(["0%", "30%", "100%"])


@given(st.lists(KINDS, max_size=6), st.sampled_from(["minAvailable", "maxUnavailable"]), LIMITS)
def test_a_budget_never_allows_less_than_it_wants(kinds, name, limit):
    budget = {"metadata": {"generation": 2}, "spec": {name: limit}}
    status = disruption.status_of(budget, pods_of(kinds), len(kinds), NOW, STAMP)
    assert status["currentHealthy"] == kinds.count("ready")
    allowed, desired = status["disruptionsAllowed"], status["desiredHealthy"]
    assert 0 <= allowed <= max(0, status["currentHealthy"] - desired)
    (condition,) = status["conditions"]
    assert condition["status"] == str(allowed > 0)
    assert status["observedGeneration"] == 2


def test_what_was_evicted_counts_no_more_for_a_while():
    budget = {
        "metadata": {}, "spec": {"minAvailable": 1}, "status": {"disruptedPods": {"p0": STAMP}},
    }  # fmt: skip
    pods = pods_of(["ready", "ready"])
    status = disruption.status_of(budget, pods, 2, NOW + 60, STAMP)
    assert (status["disruptionsAllowed"], status["disruptedPods"]) == (0, {"p0": STAMP})
    status = disruption.status_of(budget, pods, 2, NOW + 121, STAMP)
    assert (status["disruptionsAllowed"], "disruptedPods" in status) == (1, False)


NODES = [f"n{each}" for each in range(4)]


def daemon_set(**rolling):
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, **rolling}}
    return {"metadata": {}, "spec": {"updateStrategy": update}}


@given(
    st.lists(st.tuples(st.sampled_from(NODES), KINDS), max_size=8), st.sets(st.sampled_from(NODES))
)
def test_daemons_end_with_one_pod_on_each_node(there, nodes):
    pods = [pod(index, kind, node) for index, (node, kind) in enumerate(there)]
    found = daemonsets.decide(daemon_set(), pods, sorted(nodes), "a", NOW)
    deleted = {each["metadata"]["name"] for each in found.delete}
    left = [
        each["spec"]["nodeName"]
        for each, (_, kind) in zip(pods, there, strict=True)
        if each["metadata"]["name"] not in deleted and kind != "going"
    ]
    assert len(left) == len(set(left))
    assert set(left) | set(found.create) <= nodes
    leaving = {each["spec"]["nodeName"] for each in pods} & nodes
    assert set(left) | set(found.create) | leaving == nodes


def test_an_update_of_daemons_takes_so_many_at_a_time():
    pods = [pod(index, "ready", node) for index, node in enumerate(NODES)]
    for most, taken in ((1, 1), (2, 2), ("50%", 2), (0, 1)):
        owner = daemon_set(maxUnavailable=most)
        assert len(daemonsets.decide(owner, pods, NODES, "b", NOW).delete) == taken
    # one that does not work is replaced at once, and counts
    pods[2] = pod(2, "unready", NODES[2])
    found = daemonsets.decide(daemon_set(), pods, NODES, "b", NOW).delete
    assert [each["metadata"]["name"] for each in found] == ["p2"]
