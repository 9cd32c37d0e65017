"""Deployments: rollouts, their history, and the way back."""

import pytest
from kube_workloads import conditions, controller, is_going, observed

REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture
def rollouts(workloads):
    def make(replicas, **more):
        return workloads.replicated("deployments", "Deployment", replicas, **more)

    workloads.deploy = make
    return workloads


def retemplate(rollouts, mark, **spec):
    template = {"metadata": {"annotations": {"mark": mark}}}
    rollouts.change("deployments", {"spec": {"template": template, **spec}})


def available(rollouts, count, name="w"):
    return rollouts.until(
        "deployments",
        lambda each: observed(each, availableReplicas=count, updatedReplicas=count, replicas=count),
        name,
    )


def revisions(rollouts):
    """Replica sets' sizes by revision."""
    sets = [each for each in rollouts.list("replicasets") if not is_going(each)]
    return {each["metadata"]["annotations"][REVISION]: each["spec"]["replicas"] for each in sets}


def test_a_deployment_makes_a_replica_set_of_its_template(rollouts):
    rollouts.deploy(2)
    found = available(rollouts, 2)
    assert found["metadata"]["annotations"][REVISION] == "1"
    made = rollouts.list("replicasets")[0]
    labels = made["metadata"]["labels"]
    mark = labels["pod-template-hash"]
    assert made["metadata"]["name"] == f"w-{mark}"
    assert labels == made["spec"]["selector"]["matchLabels"]
    assert labels == made["spec"]["template"]["metadata"]["labels"] == {
        "app": "w", "pod-template-hash": mark,
    }  # fmt: skip
    annotations = made["metadata"]["annotations"]
    assert annotations == {
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
    }
    assert controller(made) == ("Deployment", "w")
    found = rollouts.until(
        "deployments", lambda each: conditions(each)["Progressing"][1] == "NewReplicaSetAvailable"
    )
    assert conditions(found) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    text = rollouts.until_event("w", "ScalingReplicaSet")["message"]
    assert text == f"Scaled up replica set w-{mark} from 0 to 2"


def test_an_update_rolls_and_kubectl_follows(rollouts):
    rollouts.deploy(2)
    available(rollouts, 2)
    retemplate(rollouts, "second")
    said = rollouts.kubectl("rollout", "status", "deployment/w", "--timeout=80s")
    assert 'deployment "w" successfully rolled out' in said
    assert revisions(rollouts) == {"1": 0, "2": 2}
    pods = rollouts.until_pods(lambda pods: len(pods) == 2)
    assert {each["metadata"]["annotations"]["mark"] for each in pods} == {"second"}


def test_an_update_that_cannot_run_keeps_what_does(rollouts):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    rollouts.deploy(2, strategy=strategy, progressDeadlineSeconds=3)
    available(rollouts, 2)
    template = {"spec": {"nodeSelector": {"no": "where"}}}
    rollouts.change("deployments", {"spec": {"template": template}})
    found = rollouts.until(
        "deployments",
        lambda each: conditions(each)["Progressing"] == ("False", "ProgressDeadlineExceeded"),
    )
    assert found["status"]["availableReplicas"] == 2
    assert (found["status"]["updatedReplicas"], found["status"]["unavailableReplicas"]) == (1, 1)
    assert revisions(rollouts) == {"1": 2, "2": 1}
    rollouts.kubectl("rollout", "undo", "deployment/w")
    available(rollouts, 2)
    rollouts.until("deployments", lambda each: conditions(each)["Progressing"][0] == "True")
    assert revisions(rollouts) == {"2": 0, "3": 2}


def test_undo_is_a_revision_of_its_own(rollouts):
    rollouts.deploy(1)
    available(rollouts, 1)
    retemplate(rollouts, "second")
    available(rollouts, 1)
    rollouts.kubectl("rollout", "undo", "deployment/w")
    rollouts.until("deployments", lambda each: each["metadata"]["annotations"][REVISION] == "3")
    available(rollouts, 1)
    assert revisions(rollouts) == {"2": 0, "3": 1}
    history = rollouts.kubectl("rollout", "history", "deployment/w")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["2", "3"]
    first = next(each for each in rollouts.list("replicasets") if each["spec"]["replicas"])
    annotations = first["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"


def test_recreate_waits_for_the_last_to_go(rollouts):
    rollouts.deploy(1, strategy={"type": "Recreate"}, pod={"terminationGracePeriodSeconds": 1})
    available(rollouts, 1)
    old = rollouts.pods()[0]["metadata"]["name"]
    with rollouts.api.watch(rollouts.api.path("pods"), resourceVersion="0") as events:
        assert events.next()["object"]["metadata"]["name"] == old
        retemplate(rollouts, "second")
        last = {}
        while set(last) <= {old}:
            event = events.next()
            last[event["object"]["metadata"]["name"]] = event
    # the last that is seen of it: that it ended, or that it is gone
    phase = last[old]["object"]["status"]["phase"]
    assert last[old]["type"] == "DELETED" or phase in ("Succeeded", "Failed")
    available(rollouts, 1)


def test_old_sets_are_forgotten_beyond_the_limit(rollouts):
    rollouts.deploy(1, revisionHistoryLimit=1)
    for mark in ("second", "third"):
        available(rollouts, 1)
        retemplate(rollouts, mark)
    available(rollouts, 1)
    path = rollouts.api.path("replicasets", group="apps/v1")
    rollouts.api.eventually(path, lambda found: len(found["items"]) == 2)
    assert revisions(rollouts) == {"2": 0, "3": 1}


def test_a_paused_deployment_scales_but_does_not_roll(rollouts):
    rollouts.deploy(1)
    available(rollouts, 1)
    rollouts.kubectl("rollout", "pause", "deployment/w")
    retemplate(rollouts, "second", replicas=2)
    found = rollouts.until("deployments", lambda each: observed(each, availableReplicas=2))
    assert revisions(rollouts) == {"1": 2}
    assert conditions(found)["Progressing"] == ("Unknown", "DeploymentPaused")
    rollouts.kubectl("rollout", "resume", "deployment/w")
    available(rollouts, 2)
    assert revisions(rollouts) == {"1": 0, "2": 2}


def test_kubectl_scales_and_restarts(rollouts):
    rollouts.deploy(1)
    available(rollouts, 1)
    rollouts.kubectl("scale", "deployment/w", "--replicas=2")
    available(rollouts, 2)
    rollouts.kubectl("rollout", "restart", "deployment/w")
    rollouts.kubectl("rollout", "status", "deployment/w", "--timeout=80s")
    rollouts.kubectl("wait", "--for=condition=Available", "deployment/w", "--timeout=60s")
    assert revisions(rollouts) == {"1": 0, "2": 2}
    rollouts.kubectl("delete", "deployment/w", "--cascade=foreground", "--timeout=80s")
    assert rollouts.list("replicasets") == []
