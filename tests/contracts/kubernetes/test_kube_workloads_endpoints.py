"""What is behind a service, and how much of it may be disrupted."""

import pytest
from kube_workloads import conditions, is_going, observed

PORT = {"port": 80, "targetPort": "web", "name": "http"}
LISTENS = {"ports": [{"name": "web", "containerPort": 8080}]}
UNREADY = {"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}


@pytest.fixture
def served(workloads):
    def serve(ports=(PORT,), **spec):
        value = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s", "labels": {"is": "ours"}},
            "spec": {"selector": {"app": "w"}, "ports": list(ports), **spec},
        }
        return workloads.api.create("services", value)

    def run(replicas, **container):
        workloads.replicated(
            "replicasets", "ReplicaSet", replicas, pod={"container": {**LISTENS, **container}}
        )
        return workloads.until_pods(
            lambda pods: len(pods) == replicas and all(p["status"].get("podIP") for p in pods)
        )

    workloads.serve, workloads.run = serve, run
    return workloads


def endpoints(served, count, place="addresses"):
    """The service's endpoints, as soon as they have so many addresses."""

    def holds(found):
        return sum(len(each.get(place, ())) for each in found.get("subsets") or ()) == count

    return served.until("endpoints", holds, "s")


def slices(served, holds):
    """The service's one slice, as soon as its endpoints are as they should be."""
    path = served.api.path("endpointslices", group="discovery.k8s.io/v1")
    query = f"{path}?labelSelector=kubernetes.io%2Fservice-name%3Ds"
    found = served.api.eventually(
        query,
        lambda each: len(each["items"]) == 1 and holds(each["items"][0].get("endpoints") or []),
    )
    return found["items"][0]


def ready(endpoints):
    return [each for each in endpoints if each["conditions"]["ready"]]


def test_addresses_of_ready_pods(served):
    made = served.serve()
    pods = served.run(2)
    found = endpoints(served, 2)
    assert found["metadata"]["labels"] == {
        "endpoints.kubernetes.io/managed-by": "endpoint-controller", "is": "ours",
    }  # fmt: skip
    (subset,) = found["subsets"]
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    by_ip = sorted(pods, key=lambda each: each["status"]["podIP"])
    expected = [
        {
            "ip": pod["status"]["podIP"],
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {
                "kind": "Pod",
                "namespace": served.api.namespace,
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            },
        }
        for pod in by_ip
    ]
    assert sorted(subset["addresses"], key=lambda each: each["ip"]) == expected
    found = slices(served, lambda each: len(ready(each)) == 2)
    metadata = found["metadata"]
    assert metadata["generateName"] == "s-"
    assert metadata["labels"] == {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "is": "ours",
        "kubernetes.io/service-name": "s",
    }
    assert metadata["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert found["addressType"] == "IPv4"
    assert found["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    conditions = {"ready": True, "serving": True, "terminating": False}
    by_ip = {each["ip"]: each["targetRef"] for each in expected}
    for each in found["endpoints"]:
        assert each["conditions"] == conditions
        assert each["targetRef"] == by_ip[each["addresses"][0]]


def test_pods_that_are_not_ready(served):
    served.serve()
    served.run(1, **UNREADY)
    (subset,) = endpoints(served, 1, "notReadyAddresses")["subsets"]
    assert "addresses" not in subset
    slices(served, lambda each: len(each) == 1 and not ready(each))


def test_pods_that_are_published_nevertheless(served):
    served.serve(ports=(), clusterIP="None", publishNotReadyAddresses=True)
    served.run(1, **UNREADY)
    found = endpoints(served, 1)
    assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    found = slices(served, lambda each: len(ready(each)) == 1)
    assert found["endpoints"][0]["conditions"]["serving"] is False


def test_they_follow_the_pods_and_go_with_the_service(served):
    served.serve()
    served.run(1)
    endpoints(served, 1)
    served.change("replicasets", {"spec": {"replicas": 0}})
    endpoints(served, 0)
    slices(served, lambda each: not each)
    served.api.http.delete(served.path("services", "s"))
    served.api.gone(served.path("endpoints", "s"))
    path = served.api.path("endpointslices", group="discovery.k8s.io/v1")
    served.api.eventually(path, lambda found: not found["items"])


def test_names_of_the_pods_of_a_stateful_set(served):
    served.serve(ports=(), clusterIP="None")
    served.replicated("statefulsets", "StatefulSet", 1, serviceName="s")
    (subset,) = endpoints(served, 1)["subsets"]
    assert [each["hostname"] for each in subset["addresses"]] == ["w-0"]
    assert "ports" not in subset
    found = slices(served, lambda each: len(ready(each)) == 1)
    assert found["endpoints"][0]["hostname"] == "w-0"


def budget(served, allowed, **spec):
    """A disruption budget, as soon as it allows so many."""
    given = {"selector": {"matchLabels": {"app": "w"}}, **spec}
    served.make("poddisruptionbudgets", "PodDisruptionBudget", given)
    return allows(served, allowed)


def allows(served, allowed):
    return served.until(
        "poddisruptionbudgets",
        lambda each: observed(each, disruptionsAllowed=allowed) and conditions(each),
    )


def evict(served, name):
    value = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return served.api.http.post(served.path("pods", name, "eviction"), json=value).status_code


def test_a_budget_allows_one_eviction_at_a_time(served):
    served.run(2)
    served.until("replicasets", lambda each: observed(each, readyReplicas=2))
    status = budget(served, 1, minAvailable=1)["status"]
    counts = ("currentHealthy", "desiredHealthy", "expectedPods")
    assert [status[each] for each in counts] == [2, 1, 2]
    first = served.pods()[0]["metadata"]["name"]
    assert evict(served, first) == 201
    served.api.gone(served.path("pods", first))
    # the replica set makes another, and so there is room again
    allows(served, 1)


def test_a_budget_refuses(served):
    served.run(1)
    served.until("replicasets", lambda each: observed(each, readyReplicas=1))
    found = served.make(
        "poddisruptionbudgets", "PodDisruptionBudget",
        {"selector": {"matchLabels": {"app": "w"}}, "maxUnavailable": 0},
    )  # fmt: skip
    found = served.until(
        "poddisruptionbudgets", lambda each: observed(each, currentHealthy=1, desiredHealthy=1)
    )
    assert conditions(found)["DisruptionAllowed"] == ("False", "InsufficientPods")
    (pod,) = served.pods()
    assert evict(served, pod["metadata"]["name"]) == 429
    assert not is_going(served.get("pods", pod["metadata"]["name"]))


def test_percentages_are_of_what_the_controllers_want(served):
    served.replicated("deployments", "Deployment", 2)
    served.until("deployments", lambda each: observed(each, readyReplicas=2))
    status = budget(served, 1, maxUnavailable="50%")["status"]
    assert [status[each] for each in ("desiredHealthy", "expectedPods")] == [1, 2]
