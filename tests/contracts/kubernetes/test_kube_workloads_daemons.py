"""Daemon sets: a pod on every node that takes it."""

import pytest
from kube_workloads import controller, observed


@pytest.fixture
def daemons(workloads):
    # real nodes may refuse everybody else's pods
    anywhere = [{"operator": "Exists"}]

    def start(**pod):
        labels = {"app": "w"}
        template = workloads.template(labels=labels, tolerations=anywhere, **pod)
        spec = {"selector": {"matchLabels": labels}, "template": template}
        return workloads.make("daemonsets", "DaemonSet", spec)

    workloads.start = start
    workloads.nodes = [
        each["metadata"]["name"] for each in workloads.api.http.get("/api/v1/nodes").json()["items"]
    ]
    return workloads


def settled(daemons):
    count = len(daemons.nodes)
    return daemons.until(
        "daemonsets",
        lambda each: observed(
            each, desiredNumberScheduled=count, currentNumberScheduled=count, numberReady=count,
            numberAvailable=count, updatedNumberScheduled=count, numberMisscheduled=0,
        ),
    )  # fmt: skip


def test_a_pod_on_every_node(daemons):
    daemons.start()
    found = settled(daemons)
    assert "numberUnavailable" not in found["status"]
    pods = daemons.pods()
    assert sorted(each["spec"]["nodeName"] for each in pods) == sorted(daemons.nodes)
    (revision,) = daemons.list("controllerrevisions")
    for pod in pods:
        assert controller(pod) == ("DaemonSet", "w")
        assert pod["metadata"]["generateName"] == "w-"
        labels = pod["metadata"]["labels"]
        mark = revision["metadata"]["labels"]["controller-revision-hash"]
        assert labels == {
            "app": "w", "controller-revision-hash": mark, "pod-template-generation": "1",
        }  # fmt: skip
        affinity = pod["spec"]["affinity"]["nodeAffinity"]
        terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        field = {"key": "metadata.name", "operator": "In", "values": [pod["spec"]["nodeName"]]}
        assert terms == [{"matchFields": [field]}]
    assert daemons.until_event("w", "SuccessfulCreate")["message"].startswith("Created pod: w-")


def test_an_update_replaces_them(daemons):
    daemons.start()
    settled(daemons)
    template = {"metadata": {"annotations": {"mark": "second"}}}
    daemons.change("daemonsets", {"spec": {"template": template}})
    said = daemons.kubectl("rollout", "status", "daemonset/w", "--timeout=80s")
    assert "successfully rolled out" in said
    pods = daemons.until_pods(lambda pods: len(pods) == len(daemons.nodes))
    assert {each["metadata"]["annotations"]["mark"] for each in pods} == {"second"}


def test_nodes_that_do_not_take_them(daemons):
    daemons.start(nodeSelector={"no": "where"})
    daemons.until("daemonsets", lambda each: observed(each, desiredNumberScheduled=0))
    assert daemons.pods() == []
    daemons.change("daemonsets", {"spec": {"template": {"spec": {"nodeSelector": None}}}})
    settled(daemons)
    selector = {"nodeSelector": {"no": "where"}}
    daemons.change("daemonsets", {"spec": {"template": {"spec": selector}}})
    daemons.until_pods(lambda pods: not pods)
