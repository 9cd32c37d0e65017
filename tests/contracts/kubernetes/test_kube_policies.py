"""Quotas, limits, budgets; events and leases."""

import pytest
from kube_api import pod
from test_kube_objects import status


@pytest.fixture
def quota(api):
    hard = {"pods": "1", "requests.cpu": "1", "count/configmaps": "3"}
    api.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    path = api.path("resourcequotas", "q")
    api.eventually(path, lambda value: value.get("status", {}).get("used", {}).get("pods") == "0")
    return path


def small(name="p", cpu="600m"):
    return pod(
        name, containers=[{"name": "main", "image": "a:1", "resources": {"requests": {"cpu": cpu}}}]
    )


def test_a_quota_counts(api, quota):
    api.create("pods", small())
    used = api.eventually(quota, lambda value: value["status"]["used"]["pods"] == "1")["status"][
        "used"
    ]
    assert used["requests.cpu"] == "600m"
    api.http.delete(api.path("pods", "p"))
    api.eventually(quota, lambda value: value["status"]["used"]["pods"] == "0")


def test_a_quota_refuses(api, quota):
    api.create("pods", small())
    body = status(api.http.post(api.path("pods"), json=small("p2")), 403, "Forbidden")
    assert body["message"] == (
        'pods "p2" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=600m, used:'
        " pods=1,requests.cpu=600m, limited: pods=1,requests.cpu=1"
    )
    assert body["details"] == {"name": "p2", "kind": "pods"}


def test_a_quota_asks_for_requests(api, quota):
    body = status(api.http.post(api.path("pods"), json=pod()), 403, "Forbidden")
    assert body["message"] == (
        'pods "p" is forbidden: failed quota: q: must specify requests.cpu for: main'
    )


def test_a_terminal_pod_does_not_count(api, quota):
    api.create("pods", small())
    api.patch(api.path("pods", "p", "status"), {"status": {"phase": "Succeeded"}})
    api.eventually(quota, lambda value: value["status"]["used"]["pods"] == "0")
    api.create("pods", small("p2"))


def test_a_limit_range_fills_in_and_refuses(api):
    limit = {
        "type": "Container",
        "default": {"memory": "64Mi"},
        "defaultRequest": {"memory": "32Mi"},
        "max": {"memory": "128Mi"},
    }
    api.create("limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    container = {"name": "a", "image": "a:1", "resources": {"limits": {"memory": "1Gi"}}}
    answer = api.http.post(api.path("pods"), json=pod("big", containers=[container]))
    body = status(answer, 403, "Forbidden")
    assert "maximum memory usage per Container is 128Mi, but limit is 1Gi" in body["message"]
    made = api.create("pods", pod())
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "64Mi"},
        "requests": {"memory": "32Mi"},
    }


def test_a_budget_blocks_an_eviction(api):
    selector = {"matchLabels": {"app": "x"}}
    api.create(
        "poddisruptionbudgets",
        {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": selector}},
        group="policy/v1",
    )
    api.create("pods", pod(metadata={"labels": {"app": "x"}}))
    api.patch(api.path("pods", "p", "status"), {"status": {"phase": "Running"}})
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    answer = api.http.post(api.path("pods", "p", "eviction"), json=body)
    found = status(answer, 429, "TooManyRequests")
    assert found["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert found["details"]["causes"][0]["reason"] == "DisruptionBudget"


def test_events(api):
    about = {"kind": "Pod", "name": "p", "namespace": api.namespace}
    value = {
        "metadata": {"generateName": "p."},
        "involvedObject": about,
        "reason": "Why",
        "message": "because",
        "type": "Normal",
    }
    made = api.create("events", value)
    params = {"fieldSelector": "involvedObject.name=p,reason=Why,type=Normal"}
    assert len(api.http.get(api.path("events"), params=params).json()["items"]) == 1
    name = made["metadata"]["name"]
    new = api.http.get(api.path("events", name, group="events.k8s.io/v1")).json()
    assert (new["note"], new["regarding"]["name"]) == ("because", "p")


def test_a_lease_is_made_and_kept(api):
    value = {
        "metadata": {"name": "l"},
        "spec": {
            "holderIdentity": "me",
            "leaseDurationSeconds": 15,
            "renewTime": "2024-01-01T00:00:00.000001Z",
        },
    }
    made = api.create("leases", value, group="coordination.k8s.io/v1")
    assert made["spec"]["renewTime"] == "2024-01-01T00:00:00.000001Z"
    made["spec"]["holderIdentity"] = "you"
    path = api.path("leases", "l", group="coordination.k8s.io/v1")
    assert api.http.put(path, json=made).json()["spec"]["holderIdentity"] == "you"
    assert api.http.put(path, json=made).status_code == 409
