"""Stateful sets: pods with names that stay, one after the other."""

import pytest
from kube_workloads import controller, is_going, observed

REVISION = "controller-revision-hash"
PARALLEL = {"podManagementPolicy": "Parallel"}


@pytest.fixture
def stateful(workloads):
    def make(replicas, **more):
        return workloads.replicated(
            "statefulsets", "StatefulSet", replicas, **{"serviceName": "peers", **more}
        )

    workloads.stateful_set = make
    return workloads


def ready(stateful, count):
    return stateful.until(
        "statefulsets",
        lambda each: observed(each, replicas=count, readyReplicas=count, availableReplicas=count),
    )


def names(pods):
    return [each["metadata"]["name"] for each in pods]


def marks(stateful):
    """The pods' mark by their names."""
    return {
        each["metadata"]["name"]: each["metadata"].get("annotations", {}).get("mark")
        for each in stateful.pods()
    }


def retemplate(stateful, mark, **spec):
    template = {"metadata": {"annotations": {"mark": mark}}}
    stateful.change("statefulsets", {"spec": {"template": template, **spec}})


def test_pods_have_names_and_an_order(stateful):
    stateful.stateful_set(2)
    status = ready(stateful, 2)["status"]
    first, second = stateful.pods()
    assert names([first, second]) == ["w-0", "w-1"]
    assert first["metadata"]["creationTimestamp"] <= second["metadata"]["creationTimestamp"]
    assert second["metadata"]["labels"] == {
        "app": "w",
        "apps.kubernetes.io/pod-index": "1",
        "statefulset.kubernetes.io/pod-name": "w-1",
        REVISION: status["updateRevision"],
    }
    assert second["metadata"]["generateName"] == "w-"
    assert (second["spec"]["hostname"], second["spec"]["subdomain"]) == ("w-1", "peers")
    assert controller(second) == ("StatefulSet", "w")
    assert status["currentRevision"] == status["updateRevision"]
    counts = ("currentReplicas", "updatedReplicas", "collisionCount")
    assert [status[each] for each in counts] == [2, 2, 0]
    (revision,) = stateful.list("controllerrevisions")
    assert revision["metadata"]["name"] == status["updateRevision"]
    assert revision["revision"] == 1
    events = stateful.until_events("w", "SuccessfulCreate", 2)
    assert {each["message"] for each in events} == {
        f"Create Pod w-{each} in StatefulSet w successful" for each in (0, 1)
    }


def test_the_next_waits_for_the_one_before(stateful):
    stateful.stateful_set(2, script="exec sleep 300", pod={"nodeSelector": {"no": "where"}})
    stateful.until("statefulsets", lambda each: observed(each, replicas=1))
    stateful.until_event("w-0", "FailedScheduling")
    assert names(stateful.pods()) == ["w-0"]


def test_in_parallel_nobody_waits(stateful):
    stateful.stateful_set(3, **PARALLEL, pod={"nodeSelector": {"no": "where"}})
    assert names(stateful.until_pods(lambda pods: len(pods) == 3)) == ["w-0", "w-1", "w-2"]


def test_the_highest_goes_first_and_a_lost_one_returns(stateful):
    stateful.stateful_set(3, **PARALLEL)
    ready(stateful, 3)
    stateful.kubectl("scale", "statefulset/w", "--replicas=2")
    ready(stateful, 2)
    assert names(stateful.pods()) == ["w-0", "w-1"]
    text = stateful.until_event("w", "SuccessfulDelete")["message"]
    assert text == "Delete Pod w-2 in StatefulSet w successful"
    uid = stateful.get("pods", "w-0")["metadata"]["uid"]
    stateful.api.http.delete(stateful.path("pods", "w-0"))
    stateful.until("pods", lambda pod: pod["metadata"]["uid"] != uid, "w-0")
    ready(stateful, 2)


def test_ordinals_may_start_elsewhere(stateful):
    stateful.stateful_set(2, **PARALLEL, ordinals={"start": 5})
    assert names(stateful.until_pods(lambda pods: len(pods) == 2)) == ["w-5", "w-6"]


def test_an_update_rolls_from_the_highest(stateful):
    stateful.stateful_set(2, **PARALLEL)
    before = ready(stateful, 2)["status"]["updateRevision"]
    retemplate(stateful, "second")
    said = stateful.kubectl("rollout", "status", "statefulset/w", "--timeout=80s")
    assert "rolling update complete" in said or "roll out complete" in said
    assert marks(stateful) == {"w-0": "second", "w-1": "second"}
    found = stateful.until(
        "statefulsets",
        lambda each: each["status"]["currentRevision"] == each["status"]["updateRevision"],
    )
    assert found["status"]["currentRevision"] != before
    assert sorted(each["revision"] for each in stateful.list("controllerrevisions")) == [1, 2]
    stateful.kubectl("rollout", "undo", "statefulset/w")
    stateful.until("statefulsets", lambda each: each["status"]["currentRevision"] == before)
    assert sorted(each["revision"] for each in stateful.list("controllerrevisions")) == [2, 3]


def test_below_the_partition_nothing_changes(stateful):
    stateful.stateful_set(
        2, **PARALLEL, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    )
    ready(stateful, 2)
    retemplate(stateful, "second")
    found = stateful.until("statefulsets", lambda each: observed(
        each, updatedReplicas=1, currentReplicas=1, readyReplicas=2
    ))  # fmt: skip
    assert marks(stateful) == {"w-0": None, "w-1": "second"}
    assert found["status"]["currentRevision"] != found["status"]["updateRevision"]
    # one that is made anew below it is of the old template
    uid = stateful.get("pods", "w-0")["metadata"]["uid"]
    stateful.api.http.delete(stateful.path("pods", "w-0"))
    stateful.until("pods", lambda pod: pod["metadata"]["uid"] != uid, "w-0")
    assert marks(stateful) == {"w-0": None, "w-1": "second"}


def test_on_delete_an_update_waits_for_deletion(stateful):
    stateful.stateful_set(1, updateStrategy={"type": "OnDelete"})
    ready(stateful, 1)
    retemplate(stateful, "second")
    found = stateful.until("statefulsets", observed)
    assert found["status"]["updateRevision"] != found["status"]["currentRevision"]
    assert marks(stateful) == {"w-0": None}


def test_claims_of_their_own_that_stay(stateful):
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    stateful.stateful_set(1, volumeClaimTemplates=[claim])
    (pod,) = stateful.until_pods(lambda pods: len(pods) == 1)
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"] == {"claimName": "data-w-0"}
    made = stateful.get("persistentvolumeclaims", "data-w-0")
    assert made["metadata"]["labels"] == {"app": "w"}
    events = stateful.until_events("w", "SuccessfulCreate", 2)
    assert {each["message"] for each in events} == {
        "Create Claim data-w-0 Pod w-0 in StatefulSet w success",
        "Create Pod w-0 in StatefulSet w successful",
    }
    stateful.kubectl("delete", "statefulset/w", "--timeout=80s")
    stateful.until_pods(lambda pods: not pods)
    assert not is_going(stateful.get("persistentvolumeclaims", "data-w-0"))
