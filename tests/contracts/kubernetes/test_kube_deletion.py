"""Deletion: answers, finalizers, preconditions, garbage collection, namespaces."""

import pytest
from kube_api import config_map, deployment, pod
from test_kube_objects import status


def delete(api, path, **options):
    return api.http.request("DELETE", path, json=options or None)


def owned(name, *owners, block=False, kind="ConfigMap", uid=None):
    references = [
        {
            "apiVersion": "v1",
            "kind": kind,
            "name": each["metadata"]["name"],
            "uid": uid or each["metadata"]["uid"],
            **({"blockOwnerDeletion": True} if block else {}),
        }
        for each in owners
    ]
    return config_map(name, metadata={"ownerReferences": references})


def test_a_deletion_without_an_object_left(api):
    made = api.create("configmaps", config_map())
    body = delete(api, api.path("configmaps", "c")).json()
    assert body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "c", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    status(api.http.get(api.path("configmaps", "c")), 404, "NotFound")


@pytest.mark.parametrize("plural", ["pods", "services", "serviceaccounts"])
def test_a_deletion_that_answers_the_object(api, plural):
    bodies = {
        "pods": pod("x"),
        "services": {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 1}]}},
        "serviceaccounts": {"metadata": {"name": "x"}},
    }
    made = api.create(plural, bodies[plural])
    answer = delete(api, api.path(plural, "x"))
    assert answer.status_code == 200
    assert answer.json()["metadata"]["uid"] == made["metadata"]["uid"]


def test_a_deletion_of_nothing(api):
    status(delete(api, api.path("configmaps", "x")), 404, "NotFound")


def test_preconditions(api):
    made = api.create("configmaps", config_map())
    path = api.path("configmaps", "c")
    body = status(delete(api, path, preconditions={"uid": "other"}), 409, "Conflict")
    assert body["message"] == (
        'Operation cannot be fulfilled on ConfigMap "c": the UID in the precondition (other) does'
        f" not match the UID in record ({made['metadata']['uid']}). The object might have been"
        " deleted and then recreated"
    )
    status(delete(api, path, preconditions={"resourceVersion": "1"}), 409, "Conflict")
    assert delete(api, path, preconditions={"uid": made["metadata"]["uid"]}).status_code == 200


def test_an_unknown_policy(api):
    api.create("configmaps", config_map())
    answer = delete(api, api.path("configmaps", "c"), propagationPolicy="Sideways")
    assert status(answer, 422, "Invalid")["details"]["kind"] == "DeleteOptions"


def test_a_finalizer_holds_an_object(api):
    made = api.create("configmaps", config_map(metadata={"finalizers": ["a.b/c"]}))
    path = api.path("configmaps", "c")
    marked = delete(api, path)
    assert marked.status_code == 200
    metadata = marked.json()["metadata"]
    assert metadata["deletionGracePeriodSeconds"] == 0
    assert metadata["deletionTimestamp"] >= made["metadata"]["creationTimestamp"]
    again = delete(api, path)
    assert again.json()["metadata"]["deletionTimestamp"] == metadata["deletionTimestamp"]
    assert again.json()["metadata"]["resourceVersion"] == metadata["resourceVersion"]
    answer = api.patch(path, {"metadata": {"finalizers": ["a.b/c", "d.e/f"]}})
    body = status(answer, 422, "Invalid")
    assert "no new finalizers can be added if the object is being deleted" in body["message"]
    assert api.patch(path, {"metadata": {"finalizers": None}}).status_code == 200
    status(api.http.get(path), 404, "NotFound")


def test_watchers_see_the_mark_and_the_end(api):
    made = api.create("configmaps", config_map(metadata={"finalizers": ["a.b/c"]}))
    path = api.path("configmaps", "c")
    version = made["metadata"]["resourceVersion"]
    with api.watch(api.path("configmaps"), resourceVersion=version) as events:
        delete(api, path)
        api.patch(path, {"metadata": {"finalizers": None}})
        seen = [events.next(), events.next()]
    assert [each["type"] for each in seen] == ["MODIFIED", "DELETED"]
    # the last state that was stored, at the deletion's version
    assert seen[1]["object"]["metadata"]["finalizers"] == ["a.b/c"]


def test_a_deletion_time_is_not_the_clients(api):
    made = api.create(
        "configmaps", config_map(metadata={"deletionTimestamp": "2020-01-01T00:00:00Z"})
    )
    assert "deletionTimestamp" not in made["metadata"]


def test_a_marked_deployment_counts_a_generation(api):
    value = deployment()
    value["metadata"]["finalizers"] = ["a.b/c"]
    api.create("deployments", value, group="apps/v1")
    path = api.path("deployments", "d", group="apps/v1")
    assert delete(api, path).json()["metadata"]["generation"] == 2
    api.patch(path, {"metadata": {"finalizers": None}})


def test_a_dependent_goes_after_its_owner(api):
    owner = api.create("configmaps", config_map("owner"))
    api.create("configmaps", owned("dependent", owner))
    delete(api, api.path("configmaps", "owner"), propagationPolicy="Background")
    api.gone(api.path("configmaps", "dependent"))


def test_a_dependent_of_two_stays_for_the_other(api):
    one = api.create("configmaps", config_map("one"))
    two = api.create("configmaps", config_map("two"))
    api.create("configmaps", owned("dependent", one, two))
    delete(api, api.path("configmaps", "one"), propagationPolicy="Background")
    path = api.path("configmaps", "dependent")
    left = api.eventually(path, lambda value: len(value["metadata"]["ownerReferences"]) == 1)
    assert left["metadata"]["ownerReferences"][0]["name"] == "two"
    delete(api, api.path("configmaps", "two"), propagationPolicy="Background")
    api.gone(path)


def test_a_dependent_is_orphaned(api):
    owner = api.create("configmaps", config_map("owner"))
    api.create("configmaps", owned("dependent", owner))
    delete(api, api.path("configmaps", "owner"), propagationPolicy="Orphan")
    api.gone(api.path("configmaps", "owner"))
    found = api.http.get(api.path("configmaps", "dependent")).json()
    assert "ownerReferences" not in found["metadata"]


def test_an_owner_in_the_foreground_waits(api):
    owner = api.create("configmaps", config_map("owner"))
    value = owned("dependent", owner, block=True)
    value["metadata"]["finalizers"] = ["a.b/c"]
    api.create("configmaps", value)
    answer = delete(api, api.path("configmaps", "owner"), propagationPolicy="Foreground")
    assert answer.json()["metadata"]["finalizers"] == ["foregroundDeletion"]
    dependent = api.path("configmaps", "dependent")
    api.eventually(dependent, lambda value: "deletionTimestamp" in value["metadata"])
    assert api.http.get(api.path("configmaps", "owner")).status_code == 200
    api.patch(dependent, {"metadata": {"finalizers": None}})
    api.gone(api.path("configmaps", "owner"))


def test_a_namesake_is_no_owner(api):
    owner = api.create("configmaps", config_map("owner"))
    api.create("configmaps", owned("dependent", owner, uid="00000000-0000-0000-0000-000000000000"))
    api.gone(api.path("configmaps", "dependent"))


def test_owners_that_are_none(api):
    owner = api.create("configmaps", config_map("owner"))
    value = owned("dependent", owner)
    del value["metadata"]["ownerReferences"][0]["uid"]
    status(api.http.post(api.path("configmaps"), json=value), 422, "Invalid")


def test_a_namespace_ends_with_all_it_holds(api):
    name = f"{api.namespace}-x"
    assert api.http.post("/api/v1/namespaces", json={"metadata": {"name": name}}).status_code == 201
    body = config_map(metadata={"finalizers": ["a.b/c"]})
    path = f"/api/v1/namespaces/{name}/configmaps"
    assert api.http.post(path, json=body).status_code == 201
    answer = api.http.delete(f"/api/v1/namespaces/{name}")
    assert answer.json()["status"]["phase"] == "Terminating"
    refused = status(api.http.post(path, json=config_map("new")), 403, "Forbidden")
    assert refused["message"] == (
        f'configmaps "new" is forbidden: unable to create new content in namespace {name} because'
        " it is being terminated"
    )
    assert refused["details"]["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
    ]
    api.eventually(f"{path}/c", lambda value: "deletionTimestamp" in value["metadata"])
    api.patch(f"{path}/c", {"metadata": {"finalizers": None}})
    api.gone(f"/api/v1/namespaces/{name}")


def test_the_default_namespace_stays(api):
    body = status(api.http.delete("/api/v1/namespaces/default"), 403, "Forbidden")
    assert "this namespace may not be deleted" in body["message"]


def test_every_namespace_is_furnished(api):
    account = api.http.get(api.path("serviceaccounts", "default"))
    assert account.status_code == 200
    bundle = api.eventually(api.path("configmaps", "kube-root-ca.crt"), bool)
    assert "BEGIN CERTIFICATE" in bundle["data"]["ca.crt"]
    labels = api.http.get(f"/api/v1/namespaces/{api.namespace}").json()["metadata"]["labels"]
    assert labels == {"kubernetes.io/metadata.name": api.namespace}


def test_what_is_furnished_comes_back(api):
    path = api.path("serviceaccounts", "default")
    uid = api.http.get(path).json()["metadata"]["uid"]
    api.http.delete(path)
    api.eventually(path, lambda value: value["metadata"]["uid"] != uid)


@pytest.fixture
def bound(api):
    api.create("pods", pod(terminationGracePeriodSeconds=20))
    target = {"kind": "Node", "name": "nowhere"}
    answer = api.http.post(
        api.path("pods", "p", "binding"), json={"metadata": {"name": "p"}, "target": target}
    )
    assert answer.status_code == 201, answer.text
    yield api.path("pods", "p")
    delete(api, api.path("pods", "p"), gracePeriodSeconds=0)


def test_a_pod_without_a_node_goes_at_once(api):
    api.create("pods", pod())
    delete(api, api.path("pods", "p"))
    status(api.http.get(api.path("pods", "p")), 404, "NotFound")


def test_a_bound_pod_is_given_grace(api, bound):
    found = api.http.get(bound).json()
    assert found["spec"]["nodeName"] == "nowhere"
    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert conditions["PodScheduled"] == "True"
    metadata = delete(api, bound).json()["metadata"]
    assert metadata["deletionGracePeriodSeconds"] == 20
    shorter = delete(api, bound, gracePeriodSeconds=5).json()["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    longer = delete(api, bound, gracePeriodSeconds=50).json()["metadata"]
    assert longer["deletionGracePeriodSeconds"] == 5
    assert delete(api, bound, gracePeriodSeconds=0).status_code == 200
    status(api.http.get(bound), 404, "NotFound")


def test_a_pod_is_bound_once(api, bound):
    target = {"kind": "Node", "name": "elsewhere"}
    answer = api.http.post(
        api.path("pods", "p", "binding"), json={"metadata": {"name": "p"}, "target": target}
    )
    body = status(answer, 409, "Conflict")
    assert 'pod p is already assigned to node "nowhere"' in body["message"]


def test_an_eviction_deletes(api):
    api.create("pods", pod())
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    answer = api.http.post(api.path("pods", "p", "eviction"), json=body)
    assert answer.status_code == 201
    assert answer.json()["status"] == "Success"
    status(api.http.get(api.path("pods", "p")), 404, "NotFound")
