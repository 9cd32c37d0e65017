"""Patches and server-side apply."""

import json

import pytest
from kube_api import APPLY, JSON_PATCH, MERGE, STRATEGIC, config_map, deployment, pod
from test_kube_objects import status


@pytest.fixture
def path(api):
    api.create("configmaps", config_map(data={"a": "1", "b": "2"}))
    return api.path("configmaps", "c")


def test_a_merge_patch_deletes_by_null(api, path):
    answer = api.patch(path, {"data": {"a": None, "c": "3"}})
    assert (answer.status_code, answer.json()["data"]) == (200, {"b": "2", "c": "3"})


def test_a_merge_patch_replaces_lists(api):
    made = api.create("pods", pod(metadata={"finalizers": ["a.b/c", "a.b/d"]}))
    assert made["metadata"]["finalizers"] == ["a.b/c", "a.b/d"]
    answer = api.patch(api.path("pods", "p"), {"metadata": {"finalizers": ["a.b/e"]}})
    assert answer.json()["metadata"]["finalizers"] == ["a.b/e"]
    api.patch(api.path("pods", "p"), {"metadata": {"finalizers": None}})


def test_json_patches(api, path):
    operations = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/data/x~1y", "value": "3"},
        {"op": "replace", "path": "/data/b", "value": "4"},
        {"op": "copy", "from": "/data/b", "path": "/data/e"},
        {"op": "move", "from": "/data/a", "path": "/data/f"},
        {"op": "remove", "path": "/data/x~1y"},
    ]
    answer = api.patch(path, operations, JSON_PATCH)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] == {"b": "4", "e": "4", "f": "1"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "x"},
        {"op": "remove", "path": "/data/nothing"},
        {"op": "replace", "path": "/data/nothing/deep", "value": "x"},
        {"op": "nonsense", "path": "/data/a"},
    ],
)
def test_operations_that_cannot_be_done(api, path, operation):
    status(api.patch(path, [operation], JSON_PATCH), 422, "Invalid")


def test_a_guard_on_the_version(api, path):
    guard = {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}
    change = {"op": "add", "path": "/data/z", "value": "1"}
    status(api.patch(path, [guard, change], JSON_PATCH), 422, "Invalid")


@pytest.mark.parametrize(
    ("kind", "body"), [(JSON_PATCH, {"a": 1}), (MERGE, [1]), (MERGE, "{"), (JSON_PATCH, "[{]")]
)
def test_what_is_no_patch(api, path, kind, body):
    status(api.patch(path, body, kind), 400, "BadRequest")


def test_an_unknown_kind_of_patch(api, path):
    status(api.patch(path, {}, "application/json"), 415, "UnsupportedMediaType")


def test_a_patch_with_an_old_version_is_a_conflict(api, path):
    status(
        api.patch(path, {"metadata": {"resourceVersion": "1"}, "data": {"z": "1"}}), 409, "Conflict"
    )


def test_a_patch_cannot_rename(api, path):
    assert api.patch(path, {"metadata": {"name": "other"}}).status_code in (400, 422)


def test_a_patch_that_breaks_rules(api, path):
    status(api.patch(path, {"metadata": {"labels": {"a b": "c"}}}), 422, "Invalid")


@pytest.fixture
def deployed(api):
    value = deployment()
    value["spec"]["template"]["spec"]["containers"] = [
        {
            "name": "a",
            "image": "a:1",
            "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}],
        },
        {"name": "b", "image": "b:1"},
    ]
    api.create("deployments", value, group="apps/v1")
    return api.path("deployments", "d", group="apps/v1")


def template(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["spec"]["template"]["spec"]


def strategic(api, path, spec):
    return template(api.patch(path, {"spec": {"template": {"spec": spec}}}, STRATEGIC))


def test_a_strategic_patch_merges_by_name(api, deployed):
    found = strategic(api, deployed, {"containers": [{"name": "b", "image": "b:2"}]})
    assert [each["image"] for each in found["containers"]] == ["a:1", "b:2"]


def test_a_strategic_patch_merges_deeply(api, deployed):
    change = {"name": "a", "env": [{"name": "Y", "value": "3"}, {"name": "Z", "value": "4"}]}
    found = strategic(api, deployed, {"containers": [change]})
    env = {each["name"]: each["value"] for each in found["containers"][0]["env"]}
    assert env == {"X": "1", "Y": "3", "Z": "4"}


def test_a_strategic_patch_deletes_elements(api, deployed):
    found = strategic(api, deployed, {"containers": [{"name": "a", "$patch": "delete"}]})
    assert [each["name"] for each in found["containers"]] == ["b"]


def test_a_strategic_patch_replaces_lists(api, deployed):
    change = [{"name": "c", "image": "c:1"}, {"$patch": "replace"}]
    found = strategic(api, deployed, {"containers": change})
    assert [each["name"] for each in found["containers"]] == ["c"]


def test_a_strategic_patch_orders_elements(api, deployed):
    change = {
        "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
        "containers": [{"name": "a", "image": "a:2"}],
    }
    found = strategic(api, deployed, change)
    assert [each["name"] for each in found["containers"]] == ["b", "a"]


def test_a_strategic_patch_retains_keys(api, deployed):
    change = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    answer = api.patch(deployed, change, STRATEGIC)
    assert answer.json()["spec"]["strategy"] == {"type": "Recreate"}


def test_a_strategic_patch_deletes_from_plain_lists(api):
    api.create("configmaps", config_map(metadata={"finalizers": ["a.b/c", "a.b/d"]}))
    path = api.path("configmaps", "c")
    change = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}}
    answer = api.patch(path, change, STRATEGIC)
    assert answer.json()["metadata"]["finalizers"] == ["a.b/d"]
    api.patch(path, {"metadata": {"finalizers": None}})


def test_an_element_without_its_key(api, deployed):
    change = {"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}}
    assert api.patch(deployed, change, STRATEGIC).status_code in (400, 422, 500)


def configured(name="c", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_an_apply_creates_and_owns(api):
    answer = api.apply(api.path("configmaps", "c"), configured(a="1"), "one")
    assert answer.status_code == 201, answer.text
    (entry,) = answer.json()["metadata"]["managedFields"]
    assert entry.pop("time")
    assert entry == {
        "manager": "one",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:a": {}}},
    }


def test_an_apply_takes_yaml(api):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  day: '2024-01-01'\n"
    answer = api.apply(api.path("configmaps", "c"), text)
    assert (answer.status_code, answer.json()["data"]) == (201, {"day": "2024-01-01"})


def test_an_apply_again_changes_nothing(api):
    path = api.path("configmaps", "c")
    first = api.apply(path, configured(a="1")).json()
    second = api.apply(path, configured(a="1"))
    assert second.status_code == 200
    assert second.json() == first


def test_an_apply_removes_what_it_no_longer_says(api):
    path = api.path("configmaps", "c")
    api.apply(path, configured(a="1", b="2"))
    assert api.apply(path, configured(b="2")).json()["data"] == {"b": "2"}


def test_what_others_own_stays(api):
    path = api.path("configmaps", "c")
    api.apply(path, configured(a="1", b="2"), "one")
    api.apply(path, configured(b="2", c="3"), "two")
    assert api.apply(path, configured(a="1"), "one").json()["data"] == {
        "a": "1",
        "b": "2",
        "c": "3",
    }


def test_a_conflict_names_the_owner_and_the_field(api):
    path = api.path("configmaps", "c")
    api.apply(path, configured(a="1"), "one")
    body = status(api.apply(path, configured(a="2"), "two"), 409, "Conflict")
    assert body["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    assert body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    ]


def test_a_conflict_with_an_update_names_its_version(api, path):
    answer = api.patch(path, {"data": {"a": "9"}}, MERGE, fieldManager="editor")
    assert answer.status_code == 200
    body = status(api.apply(path, configured(a="2", b="3"), "two"), 409, "Conflict")
    fields = {each["field"] for each in body["details"]["causes"]}
    assert fields == {".data.a", ".data.b"}
    assert body["message"].startswith(
        'Apply failed with 2 conflicts: conflicts with "editor" using v1:\n- .data.a\n'
        "conflicts with "
    )


def test_force_takes_fields(api):
    path = api.path("configmaps", "c")
    api.apply(path, configured(a="1"), "one")
    answer = api.apply(path, configured(a="2"), "two", force="true")
    assert answer.json()["data"] == {"a": "2"}
    assert [each["manager"] for each in answer.json()["metadata"]["managedFields"]] == ["two"]


def test_a_shared_value_is_no_conflict(api):
    path = api.path("configmaps", "c")
    api.apply(path, configured(a="1"), "one")
    answer = api.apply(path, configured(a="1"), "two")
    assert {each["manager"] for each in answer.json()["metadata"]["managedFields"]} == {
        "one",
        "two",
    }


def test_an_apply_needs_a_manager(api):
    answer = api.patch(api.path("configmaps", "c"), configured(), APPLY)
    status(answer, 422, "Invalid")


def test_force_is_for_apply_only(api, path):
    status(api.patch(path, {}, MERGE, force="true"), 422, "Invalid")


def test_an_apply_without_a_kind(api):
    answer = api.apply(api.path("configmaps", "c"), {"metadata": {"name": "c"}})
    status(answer, 400, "BadRequest")


def test_an_apply_with_managed_fields(api):
    body = configured()
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    status(api.apply(api.path("configmaps", "c"), body), 400, "BadRequest")


def test_an_apply_of_a_list_by_keys(api):
    path = api.path("deployments", "d", group="apps/v1")
    value = deployment()
    containers = value["spec"]["template"]["spec"]["containers"]
    containers[0]["ports"] = [{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}]
    made = api.apply(path, value, "one")
    assert made.status_code == 201, made.text
    (entry,) = made.json()["metadata"]["managedFields"]
    owned = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert owned == {
        'k:{"name":"main"}': {
            ".": {},
            "f:image": {},
            "f:name": {},
            "f:ports": {
                'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}},
                'k:{"containerPort":81,"protocol":"UDP"}': {
                    ".": {},
                    "f:containerPort": {},
                    "f:protocol": {},
                },
            },
        }
    }
    containers.append({"name": "side", "image": "side:1"})
    other = json.loads(json.dumps(value))
    other["spec"]["template"]["spec"]["containers"] = [{"name": "side", "image": "side:1"}]
    both = api.apply(path, other, "two", force="true")
    assert [each["name"] for each in template(both)["containers"]] == ["main", "side"]
    other["spec"]["template"]["spec"]["containers"] = []
    one = api.apply(path, other, "two", force="true")
    assert [each["name"] for each in template(one)["containers"]] == ["main"]


def test_equal_keys_in_an_apply(api):
    value = deployment()
    value["spec"]["template"]["spec"]["containers"] *= 2
    answer = api.apply(api.path("deployments", "d", group="apps/v1"), value)
    assert answer.status_code in (422, 500)


def test_an_apply_to_the_status(api):
    api.create("pods", pod())
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "status": {"conditions": [{"type": "example.com/ready", "status": "True"}]},
    }
    answer = api.apply(api.path("pods", "p", "status"), body, "agent")
    assert answer.status_code == 200, answer.text
    entry = next(
        each for each in answer.json()["metadata"]["managedFields"] if each["manager"] == "agent"
    )
    assert entry["subresource"] == "status"
    assert 'k:{"type":"example.com/ready"}' in entry["fieldsV1"]["f:status"]["f:conditions"]


def test_an_update_owns_what_it_changes(api):
    made = api.http.post(
        api.path("configmaps"),
        json=config_map(data={"a": "1"}, metadata={"labels": {"x": "y"}}),
        params={"fieldManager": "maker"},
    ).json()
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("maker", "Update")
    assert entry["fieldsV1"] == {
        "f:data": {".": {}, "f:a": {}},
        "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
    }
    changed = api.patch(
        api.path("configmaps", "c"), {"data": {"b": "2"}}, MERGE, fieldManager="changer"
    ).json()
    owners = {each["manager"]: each["fieldsV1"] for each in changed["metadata"]["managedFields"]}
    assert owners["changer"] == {"f:data": {"f:b": {}}}
    assert owners["maker"] == entry["fieldsV1"]


def test_a_pods_maker_owns_its_defaults(api):
    made = api.http.post(api.path("pods"), json=pod(), params={"fieldManager": "maker"}).json()
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {
        "f:spec": {
            "f:containers": {
                'k:{"name":"main"}': {
                    ".": {},
                    "f:image": {},
                    "f:imagePullPolicy": {},
                    "f:name": {},
                    "f:resources": {},
                    "f:terminationMessagePath": {},
                    "f:terminationMessagePolicy": {},
                }
            },
            "f:dnsPolicy": {},
            "f:enableServiceLinks": {},
            "f:restartPolicy": {},
            "f:schedulerName": {},
            "f:securityContext": {},
            "f:terminationGracePeriodSeconds": {},
        }
    }


def test_the_clients_name_is_its_manager(api):
    headers = {"User-Agent": "spark/4.3 (linux)"}
    made = api.http.post(api.path("configmaps"), json=config_map(data={"a": "1"}), headers=headers)
    assert made.json()["metadata"]["managedFields"][0]["manager"] == "spark"
