"""Replica sets: as many pods as they say, theirs by selector."""

import pytest
from kube_api import config_map
from kube_workloads import conditions, controller, observed


@pytest.fixture
def sets(workloads):
    def make(replicas, **more):
        return workloads.replicated("replicasets", "ReplicaSet", replicas, **more)

    workloads.replica_set = make
    return workloads


def test_pods_are_made_and_counted(sets):
    sets.replica_set(2)
    found = sets.until("replicasets", lambda each: observed(each, availableReplicas=2))
    counts = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    assert [found["status"][each] for each in counts] == [2] * 4
    for pod in sets.pods():
        metadata = pod["metadata"]
        assert metadata["generateName"] == "w-"
        assert len(metadata["name"]) == len("w-") + 5
        assert controller(pod) == ("ReplicaSet", "w")
        assert metadata["ownerReferences"][0]["blockOwnerDeletion"] is True
    text = sets.until_event("w", "SuccessfulCreate")["message"]
    assert text.startswith("Created pod: w-")


def test_a_pod_that_goes_is_replaced(sets):
    sets.replica_set(1)
    first = sets.until_pods(lambda pods: len(pods) == 1)[0]["metadata"]["name"]
    sets.api.http.delete(sets.path("pods", first))
    sets.until_pods(lambda pods: [p for p in pods if p["metadata"]["name"] != first])


def test_scaling_down_takes_the_cheapest(sets):
    sets.replica_set(3)
    sets.until("replicasets", lambda each: observed(each, readyReplicas=3))
    cheap, released, _ = [each["metadata"]["name"] for each in sets.pods()]
    cost = {"controller.kubernetes.io/pod-deletion-cost": "-1"}
    sets.change("pods", {"metadata": {"annotations": cost}}, cheap)
    # a controller sees changes of pods in their order: who has replaced this one knows that cost
    sets.change("pods", {"metadata": {"labels": {"app": "other"}}}, released)
    there = sets.until_pods(lambda pods: len(pods) == 3, "app=w")
    sets.until("replicasets", lambda each: observed(each, readyReplicas=3))
    sets.change("replicasets", {"spec": {"replicas": 2}})
    left = sets.until_pods(lambda pods: len(pods) == 2, "app=w")
    assert names(left) == [each for each in names(there) if each != cheap]
    sets.until("replicasets", lambda each: observed(each, replicas=2))
    text = sets.until_event("w", "SuccessfulDelete")["message"]
    assert text == f"Deleted pod: {cheap}"


def names(pods):
    return [each["metadata"]["name"] for each in pods]


def test_what_does_not_run_goes_first(sets):
    sets.replica_set(2, pod={"nodeSelector": {"no": "where"}})
    sets.until_pods(lambda pods: len(pods) == 2)
    spec = {"template": {"spec": {"nodeSelector": {"no": None}}}, "replicas": 3}
    sets.change("replicasets", {"spec": spec})
    sets.until("replicasets", lambda each: observed(each, readyReplicas=1, replicas=3))
    sets.change("replicasets", {"spec": {"replicas": 1}})
    left = sets.until_pods(lambda pods: len(pods) == 1)
    assert left[0]["spec"].get("nodeName")


def test_a_pod_is_let_go_and_taken_by_its_labels(sets):
    sets.replica_set(1)
    first = sets.until_pods(lambda pods: len(pods) == 1)[0]["metadata"]["name"]
    sets.change("pods", {"metadata": {"labels": {"app": "other"}}}, first)
    sets.until_pods(lambda pods: len(pods) == 1, "app=w")
    assert controller(sets.until("pods", lambda pod: controller(pod) is None, first)) is None
    sets.change("replicasets", {"spec": {"replicas": 2}})
    sets.until_pods(lambda pods: len(pods) == 2, "app=w")
    sets.change("pods", {"metadata": {"labels": {"app": "w"}}}, first)
    # now there is one too many
    sets.until_pods(lambda pods: len(pods) == 2)


def test_pods_outlive_a_set_that_lets_them(sets):
    sets.replica_set(1)
    sets.until_pods(lambda pods: len(pods) == 1)
    answer = sets.api.http.request(
        "DELETE", sets.path("replicasets"), json={"propagationPolicy": "Orphan"}
    )
    assert answer.status_code == 200
    sets.api.gone(sets.path("replicasets"))
    name = sets.until_pods(lambda pods: controller(pods[0]) is None)[0]["metadata"]["name"]
    sets.replica_set(1)
    sets.until("pods", lambda pod: controller(pod) == ("ReplicaSet", "w"), name)
    assert len(sets.until_pods(lambda pods: len(pods) == 1)) == 1


def test_a_quota_refuses_and_relents(sets):
    quota = {**config_map("q"), "kind": "ResourceQuota", "spec": {"hard": {"pods": "1"}}}
    sets.api.create("resourcequotas", quota)
    sets.api.eventually(
        sets.api.path("resourcequotas", "q"), lambda each: each.get("status", {}).get("used")
    )
    sets.replica_set(2)
    found = sets.until("replicasets", lambda each: "ReplicaFailure" in conditions(each))
    assert conditions(found)["ReplicaFailure"] == ("True", "FailedCreate")
    assert "exceeded quota: q" in sets.until_event("w", "FailedCreate")["message"]
    sets.change("resourcequotas", {"spec": {"hard": {"pods": "3"}}}, "q")
    sets.until_pods(lambda pods: len(pods) == 2)
    sets.until("replicasets", lambda each: "ReplicaFailure" not in conditions(each))


def test_availability_comes_after_readiness(sets):
    sets.replica_set(1, minReadySeconds=2)
    ready = sets.until("replicasets", lambda each: observed(each, readyReplicas=1))
    assert "availableReplicas" not in ready["status"]
    sets.until("replicasets", lambda each: observed(each, availableReplicas=1))


def test_pods_go_with_their_set(sets):
    sets.replica_set(1)
    sets.until_pods(lambda pods: len(pods) == 1)
    sets.api.http.delete(sets.path("replicasets"))
    sets.until_pods(lambda pods: not pods)
