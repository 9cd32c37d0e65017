"""What every object has, and what the verbs answer."""

import re

import pytest
from kube_api import config_map, deployment, pod


def status(answer, code, reason):
    body = answer.json()
    assert answer.status_code == code, answer.text
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
    assert body.get("reason", "") == reason
    assert body["code"] == code
    return body


def test_a_created_object_gets_its_identity(api):
    made = api.create("configmaps", config_map(data={"a": "1"}))
    metadata = made["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", metadata["uid"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["creationTimestamp"])
    assert metadata["resourceVersion"].isdigit()
    assert metadata["namespace"] == api.namespace
    assert "generation" not in metadata
    assert made["kind"] == "ConfigMap"
    assert api.http.get(api.path("configmaps", "c")).json() == made


def test_an_identity_is_never_reused(api):
    first = api.create("configmaps", config_map())
    api.http.delete(api.path("configmaps", "c"))
    assert api.create("configmaps", config_map())["metadata"]["uid"] != first["metadata"]["uid"]


def test_versions_grow_over_the_whole_store(api):
    versions = [
        int(api.create("configmaps", config_map("a"))["metadata"]["resourceVersion"]),
        int(api.create("secrets", {"metadata": {"name": "s"}})["metadata"]["resourceVersion"]),
        int(api.create("configmaps", config_map("b"))["metadata"]["resourceVersion"]),
    ]
    assert versions == sorted(set(versions))


def test_a_resource_version_on_create_is_refused(api):
    body = config_map(metadata={"resourceVersion": "1"})
    answer = api.http.post(api.path("configmaps"), json=body)
    assert answer.status_code == 500
    message = answer.json()["message"]
    assert message == "resourceVersion should not be set on objects to be created"


def test_a_taken_name_is_a_conflict(api):
    api.create("configmaps", config_map())
    body = status(api.http.post(api.path("configmaps"), json=config_map()), 409, "AlreadyExists")
    assert body["message"] == 'configmaps "c" already exists'
    assert body["details"] == {"name": "c", "kind": "configmaps"}


def test_generated_names(api):
    body = {"metadata": {"generateName": "spark-"}}
    names = {api.create("configmaps", body)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"spark-[bcdfghjklmnpqrstvwxz2456789]{5}", each) for each in names)


def test_a_long_base_is_cut(api):
    made = api.create("configmaps", {"metadata": {"generateName": "x" * 80}})
    assert len(made["metadata"]["name"]) == 63


def test_an_object_without_a_name(api):
    body = status(api.http.post(api.path("configmaps"), json={"metadata": {}}), 422, "Invalid")
    assert body["details"]["causes"][0]["field"] == "metadata.name"
    assert body["details"]["causes"][0]["reason"] == "FieldValueRequired"


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a..b", "x" * 254])
def test_names_that_are_none(api, name):
    answer = api.http.post(api.path("configmaps"), json=config_map(name))
    body = status(answer, 422, "Invalid")
    assert body["details"]["kind"] == "ConfigMap"
    assert body["details"]["causes"][0]["field"] == "metadata.name"
    assert body["details"]["causes"][0]["reason"] == "FieldValueInvalid"


def test_a_wrong_name_is_explained(api):
    body = api.http.post(api.path("configmaps"), json=config_map("A")).json()
    assert body["message"].startswith('ConfigMap "A" is invalid: metadata.name: Invalid value: "A"')
    assert "a lowercase RFC 1123 subdomain must consist of" in body["message"]


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"labels": {"a b": "c"}}, "metadata.labels"),
        ({"labels": {"a": "b c"}}, "metadata.labels"),
        ({"labels": {"a": "x" * 64}}, "metadata.labels"),
        ({"annotations": {"a b": "c"}}, "metadata.annotations"),
        ({"annotations": {"a": "x" * 262145}}, "metadata.annotations"),
    ],
)
def test_metadata_that_is_refused(api, metadata, field):
    answer = api.http.post(api.path("configmaps"), json=config_map(metadata=metadata))
    body = status(answer, 422, "Invalid")
    assert field in [each["field"] for each in body["details"]["causes"]]


def test_an_absent_object(api):
    body = status(api.http.get(api.path("configmaps", "x")), 404, "NotFound")
    assert body["message"] == 'configmaps "x" not found'
    assert body["details"] == {"name": "x", "kind": "configmaps"}


def test_an_absent_object_of_a_group(api):
    body = status(api.http.get(api.path("deployments", "x", group="apps/v1")), 404, "NotFound")
    assert body["message"] == 'deployments.apps "x" not found'
    assert body["details"] == {"name": "x", "group": "apps", "kind": "deployments"}


def test_an_absent_namespace(api):
    answer = api.http.post("/api/v1/namespaces/nowhere/configmaps", json=config_map())
    body = status(answer, 404, "NotFound")
    assert body["message"] == 'namespaces "nowhere" not found'


@pytest.mark.parametrize("path", ["/api/v1/nothings", "/apis/no.group/v1/things", "/nowhere"])
def test_an_absent_path(api, path):
    assert api.http.get(path).status_code == 404


def test_a_namespace_that_is_another(api):
    body = config_map(metadata={"namespace": "default"})
    answer = api.http.post(api.path("configmaps"), json=body)
    found = status(answer, 400, "BadRequest")
    assert found["message"] == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )


def test_another_kind_is_refused(api):
    answer = api.http.post(
        api.path("configmaps"),
        json={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}},
    )
    status(answer, 400, "BadRequest")


def test_an_update_replaces(api):
    made = api.create("configmaps", config_map(data={"a": "1", "b": "2"}))
    made["data"] = {"a": "3"}
    answer = api.http.put(api.path("configmaps", "c"), json=made)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"a": "3"}
    assert int(answer.json()["metadata"]["resourceVersion"]) > int(
        made["metadata"]["resourceVersion"]
    )


def test_an_update_from_an_old_base_is_a_conflict(api):
    made = api.create("configmaps", config_map())
    api.http.put(api.path("configmaps", "c"), json={**made, "data": {"a": "1"}})
    answer = api.http.put(api.path("configmaps", "c"), json={**made, "data": {"a": "2"}})
    body = status(answer, 409, "Conflict")
    assert body["message"] == (
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; please'
        " apply your changes to the latest version and try again"
    )
    assert body["details"] == {"name": "c", "kind": "configmaps"}


def test_an_update_without_a_base_overwrites(api):
    api.create("configmaps", config_map(data={"a": "1"}))
    answer = api.http.put(api.path("configmaps", "c"), json=config_map(data={"b": "2"}))
    assert answer.status_code == 200
    assert answer.json()["data"] == {"b": "2"}


def test_an_update_of_nothing(api):
    status(api.http.put(api.path("configmaps", "x"), json=config_map("x")), 404, "NotFound")


def test_an_update_of_another_name(api):
    api.create("configmaps", config_map())
    body = status(
        api.http.put(api.path("configmaps", "c"), json=config_map("d")), 400, "BadRequest"
    )
    assert body["message"] == "the name of the object (d) does not match the name on the URL (c)"


def test_an_update_for_another_uid(api):
    made = api.create("configmaps", config_map())
    made["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    status(api.http.put(api.path("configmaps", "c"), json=made), 409, "Conflict")


def test_a_write_that_changes_nothing_keeps_the_version(api):
    made = api.create("configmaps", config_map(data={"a": "1"}))
    answer = api.http.put(api.path("configmaps", "c"), json=made)
    assert answer.json()["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_generations_count_the_specification(api):
    path = api.path("deployments", "d", group="apps/v1")
    made = api.create("deployments", deployment(), group="apps/v1")
    assert made["metadata"]["generation"] == 1
    labelled = api.patch(path, {"metadata": {"labels": {"a": "b"}}}).json()
    assert labelled["metadata"]["generation"] == 1
    scaled = api.patch(path, {"spec": {"paused": True}}).json()
    assert scaled["metadata"]["generation"] == 2


def test_a_status_is_written_through_its_own_door(api):
    body = pod()
    body["status"] = {"phase": "Running"}
    assert api.create("pods", body)["status"]["phase"] == "Pending"
    path = api.path("pods", "p", "status")
    answer = api.patch(
        path, {"status": {"phase": "Running", "message": "x"}, "metadata": {"labels": {"a": "b"}}}
    )
    assert answer.status_code == 200, answer.text
    found = api.http.get(api.path("pods", "p")).json()
    assert (found["status"]["phase"], found["status"]["message"]) == ("Running", "x")
    main = api.patch(api.path("pods", "p"), {"status": {"phase": "Failed"}}).json()
    assert main["status"]["phase"] == "Running"


def test_a_dry_run_stores_nothing(api):
    answer = api.http.post(api.path("configmaps"), json=config_map(), params={"dryRun": "All"})
    assert answer.status_code == 201
    assert answer.json()["metadata"]["uid"]
    assert "resourceVersion" not in answer.json()["metadata"]
    status(api.http.get(api.path("configmaps", "c")), 404, "NotFound")


def test_a_dry_run_of_an_update_and_a_deletion(api):
    made = api.create("configmaps", config_map())
    path = api.path("configmaps", "c")
    dry = {"dryRun": "All"}
    assert api.http.put(path, json={**made, "data": {"a": "1"}}, params=dry).json()["data"]
    assert api.http.delete(path, params=dry).status_code == 200
    assert api.http.get(path).json() == made


def test_an_unknown_dry_run(api):
    answer = api.http.post(api.path("configmaps"), json=config_map(), params={"dryRun": "Some"})
    status(answer, 422, "Invalid")


def test_strict_validation_refuses_unknown_fields(api):
    body = pod(containers=[{"name": "main", "image": "b", "imagee": "c"}])
    answer = api.http.post(api.path("pods"), json=body, params={"fieldValidation": "Strict"})
    found = status(answer, 400, "BadRequest")
    assert found["message"] == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field'
        ' "spec.containers[0].imagee"'
    )


def test_a_warning_tells_of_unknown_fields(api):
    answer = api.http.post(api.path("configmaps"), json={**config_map(), "nonsense": 1})
    assert answer.status_code == 201
    assert answer.headers["warning"] == '299 - "unknown field \\"nonsense\\""'
    assert "nonsense" not in answer.json()


def test_ignored_validation_is_silent(api):
    body = {**config_map(), "nonsense": 1}
    answer = api.http.post(api.path("configmaps"), json=body, params={"fieldValidation": "Ignore"})
    assert answer.status_code == 201
    assert "warning" not in answer.headers


def test_what_is_said_twice(api):
    text = '{"metadata":{"name":"c"},"data":{"a":"1","a":"2"}}'
    headers = {"Content-Type": "application/json"}
    answer = api.http.post(
        api.path("configmaps"), content=text, headers=headers, params={"fieldValidation": "Strict"}
    )
    body = status(answer, 400, "BadRequest")
    assert 'strict decoding error: duplicate field "data.a"' in body["message"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"containers": "x"},
            "string into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            {"terminationGracePeriodSeconds": "x"},
            "string into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
        ),
        (
            {"containers": [{"name": 1}]},
            "number into Go struct field Container.spec.containers.name of type string",
        ),
        (
            {"hostNetwork": "yes"},
            "string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
    ],
)
def test_wrong_types_are_explained(api, spec, text):
    body = {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "a", "image": "b"}], **spec},
    }
    found = status(api.http.post(api.path("pods"), json=body), 400, "BadRequest")
    assert found["message"] == (
        f'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal {text}'
    )


def test_empty_things_are_left_out(api):
    body = config_map(data={}, metadata={"labels": {}, "annotations": None, "finalizers": []})
    made = api.create("configmaps", body)
    assert "data" not in made
    assert not {"labels", "annotations", "finalizers"} & set(made["metadata"])


def test_secrets_take_plain_text(api):
    made = api.create("secrets", {"metadata": {"name": "s"}, "stringData": {"a": "x"}})
    assert made["data"] == {"a": "eA=="}
    assert made["type"] == "Opaque"
    assert "stringData" not in made


def test_what_is_immutable_stays(api):
    api.create("configmaps", config_map(data={"a": "1"}, immutable=True))
    answer = api.patch(api.path("configmaps", "c"), {"data": {"a": "2"}})
    body = status(answer, 422, "Invalid")
    assert body["details"]["causes"][0]["reason"] == "FieldValueForbidden"
    assert "field is immutable when `immutable` is set" in body["message"]


def test_a_type_of_a_secret_stays(api):
    api.create("secrets", {"metadata": {"name": "s"}})
    status(api.patch(api.path("secrets", "s"), {"type": "other"}), 422, "Invalid")


def test_keys_of_configuration(api):
    answer = api.http.post(api.path("configmaps"), json=config_map(data={"a b": "c"}))
    body = status(answer, 422, "Invalid")
    assert body["details"]["causes"][0]["field"] == "data[a b]"
