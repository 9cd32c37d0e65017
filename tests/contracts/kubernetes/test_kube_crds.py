"""Custom resource definitions and their objects."""

import secrets

import pytest
from kube_api import APPLY, JSON_PATCH, STRATEGIC
from kube_widgets import definition
from test_kube_objects import status

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def established(value):
    conditions = {each["type"]: each["status"] for each in value["status"].get("conditions") or ()}
    return conditions.get("Established") == conditions.get("NamesAccepted") == "True"


@pytest.fixture(scope="module")
def group(shared):
    name = f"g{secrets.token_hex(4)}.example.com"
    answer = shared.http.post(CRDS, json=definition(name))
    assert answer.status_code == 201, answer.text
    shared.eventually(f"{CRDS}/widgets.{name}", established)
    shared.eventually(f"/apis/{name}/v1", lambda value: value["resources"])
    shared.eventually(f"/apis/{name}/v1/widgets", bool)
    yield name
    shared.http.delete(f"{CRDS}/widgets.{name}")
    shared.gone(f"{CRDS}/widgets.{name}")


@pytest.fixture
def widgets(api, group):
    class Widgets:
        path = api.path("widgets", group=f"{group}/v1")
        one = api.path("widgets", "w", group=f"{group}/v1")

        @staticmethod
        def value(version="v1", **spec):
            return {
                "apiVersion": f"{group}/{version}",
                "kind": "Widget",
                "metadata": {"name": "w"},
                "spec": {"size": 1, **spec},
            }

        @classmethod
        def create(cls, **spec):
            answer = api.http.post(cls.path, json=cls.value(**spec))
            assert answer.status_code == 201, answer.text
            return answer.json()

    return Widgets


def test_a_definition_is_completed(api, group):
    found = api.http.get(f"{CRDS}/widgets.{group}").json()
    assert found["spec"]["names"]["listKind"] == "WidgetList"
    assert found["spec"]["names"]["singular"] == "widget"
    assert found["spec"]["conversion"] == {"strategy": "None"}
    assert found["status"]["storedVersions"] == ["v1"]
    assert found["status"]["acceptedNames"] == found["spec"]["names"]
    assert "finalizers" not in found["metadata"]


def test_a_definition_is_discovered(api, group):
    listed = api.http.get(f"/apis/{group}").json()
    assert [each["version"] for each in listed["versions"]] == ["v1", "v1beta1"]
    entries = {each["name"]: each for each in api.http.get(f"/apis/{group}/v1").json()["resources"]}
    assert set(entries) == {"widgets", "widgets/status", "widgets/scale"}
    widget = entries["widgets"]
    assert (widget["kind"], widget["singularName"], widget["namespaced"]) == (
        "Widget",
        "widget",
        True,
    )
    assert (widget["shortNames"], widget["categories"]) == (["wd"], ["all"])
    assert set(widget["verbs"]) == {
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    }  # fmt: skip
    assert entries["widgets/scale"]["group"] == "autoscaling"


def test_defaults_are_written(widgets):
    made = widgets.create(parts=[{"name": "a"}])
    assert made["spec"]["mode"] == "fast"
    assert made["spec"]["parts"] == [{"name": "a", "weight": 1}]
    assert made["metadata"]["generation"] == 1


def test_unknown_fields_are_pruned(api, widgets):
    made = widgets.create(nonsense=1, free={"any": {"thing": 1}}, map={"a": "b"})
    assert "nonsense" not in made["spec"]
    assert made["spec"]["free"] == {"any": {"thing": 1}}
    assert made["spec"]["map"] == {"a": "b"}


def test_strict_validation_of_a_custom_object(api, widgets):
    answer = api.http.post(
        widgets.path, json=widgets.value(nonsense=1), params={"fieldValidation": "Strict"}
    )
    body = status(answer, 400, "BadRequest")
    assert 'strict decoding error: unknown field "spec.nonsense"' in body["message"]


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ({"size": None}, "spec.size", "FieldValueRequired"),
        ({"size": "x"}, "spec.size", "FieldValueTypeInvalid"),
        ({"size": 0}, "spec.size", "FieldValueInvalid"),
        ({"size": 10}, "spec.size", "FieldValueInvalid"),
        ({"mode": "medium"}, "spec.mode", "FieldValueNotSupported"),
        ({"word": "A"}, "spec.word", "FieldValueInvalid"),
        ({"word": "abcdef"}, "spec.word", "FieldValueTooLong"),
        ({"either": True}, "spec.either", "FieldValueTypeInvalid"),
        ({"tags": ["a", "a"]}, "spec.tags[1]", "FieldValueDuplicate"),
        ({"tags": ["a", "b", "c", "d"]}, "spec.tags", "FieldValueTooMany"),
        ({"parts": [{"name": "a"}, {"name": "a"}]}, "spec.parts[1]", "FieldValueDuplicate"),
        ({"parts": [{}]}, "spec.parts[0].name", "FieldValueRequired"),
        ({"map": {"a": 1}}, "spec.map.a", "FieldValueTypeInvalid"),
    ],
)
def test_values_that_are_refused(api, widgets, spec, field, reason):
    body = status(api.http.post(widgets.path, json=widgets.value(**spec)), 422, "Invalid")
    assert body["details"]["kind"] == "Widget"
    assert (field, reason) in [
        (each["field"], each["reason"]) for each in body["details"]["causes"]
    ]


def test_a_wrong_type_is_explained(api, widgets):
    body = api.http.post(widgets.path, json=widgets.value(size="x")).json()
    assert (
        'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'
        in body["message"]
    )


@pytest.mark.parametrize("either", [1, "50%"])
def test_values_that_are_allowed(widgets, either):
    made = widgets.create(either=either, maybe=None)
    assert made["spec"]["either"] == either
    assert made["spec"]["maybe"] is None


def test_a_custom_update_needs_its_base(api, widgets):
    widgets.create()
    body = status(api.http.put(widgets.one, json=widgets.value(size=2)), 422, "Invalid")
    assert body["details"]["causes"][0]["field"] == "metadata.resourceVersion"
    assert "must be specified for an update" in body["message"]


def test_generations_of_a_custom_object(api, widgets):
    made = widgets.create()
    made["spec"]["size"] = 2
    changed = api.http.put(widgets.one, json=made).json()
    assert changed["metadata"]["generation"] == 2
    changed["status"] = {"phase": "x"}
    after = api.http.put(f"{widgets.one}/status", json=changed).json()
    assert (after["metadata"]["generation"], after["status"]) == (2, {"phase": "x"})
    main = api.patch(widgets.one, {"status": {"phase": "y"}, "metadata": {"labels": {"a": "b"}}})
    assert (main.json()["metadata"]["generation"], main.json()["status"]) == (2, {"phase": "x"})


def test_a_status_on_creation_is_dropped(api, widgets):
    answer = api.http.post(widgets.path, json={**widgets.value(), "status": {"phase": "x"}})
    assert "status" not in answer.json()


def test_a_status_update_keeps_the_rest(api, widgets):
    made = widgets.create()
    made["spec"]["size"], made["status"] = 5, {"phase": "x"}
    made["metadata"]["labels"] = {"a": "b"}
    after = api.http.put(f"{widgets.one}/status", json=made).json()
    assert after["spec"]["size"] == 1
    assert "labels" not in after["metadata"]


def test_versions_show_the_same_objects(api, widgets, group):
    made = widgets.create(size=3)
    path = api.path("widgets", "w", group=f"{group}/v1beta1")
    other = api.http.get(path).json()
    assert other["apiVersion"] == f"{group}/v1beta1"
    assert other["metadata"]["uid"] == made["metadata"]["uid"]
    assert other["spec"] == made["spec"]
    changed = api.patch(path, {"spec": {"size": 4}}).json()
    assert changed["apiVersion"] == f"{group}/v1beta1"
    assert api.http.get(widgets.one).json()["spec"]["size"] == 4


def test_a_strategic_patch_is_for_built_in_kinds(api, widgets):
    widgets.create()
    status(api.patch(widgets.one, {"spec": {"size": 2}}, STRATEGIC), 415, "UnsupportedMediaType")


def test_json_patches_of_a_custom_object(api, widgets):
    widgets.create()
    answer = api.patch(
        widgets.one, [{"op": "replace", "path": "/spec/size", "value": 2}], JSON_PATCH
    )
    assert answer.json()["spec"]["size"] == 2


def test_an_apply_merges_by_the_schemas_lists(api, widgets):
    one = widgets.value(parts=[{"name": "a", "weight": 2}], tags=["x"])
    two = widgets.value(parts=[{"name": "b"}], tags=["y"])
    assert api.apply(widgets.one, one, "one").status_code == 201
    both = api.apply(widgets.one, two, "two").json()
    assert [each["name"] for each in both["spec"]["parts"]] == ["a", "b"]
    assert sorted(both["spec"]["tags"]) == ["x", "y"]
    owners = {
        each["manager"]: each["fieldsV1"]["f:spec"] for each in both["metadata"]["managedFields"]
    }
    assert owners["one"]["f:tags"] == {'v:"x"': {}}
    assert 'k:{"name":"b"}' in owners["two"]["f:parts"]
    left = api.apply(widgets.one, widgets.value(), "two").json()
    assert [each["name"] for each in left["spec"]["parts"]] == ["a"]
    assert left["spec"]["tags"] == ["x"]


def test_an_apply_that_breaks_the_schema(api, widgets):
    answer = api.patch(widgets.one, widgets.value(size=0), APPLY, fieldManager="one")
    status(answer, 422, "Invalid")


def test_columns_of_a_definition(api, widgets):
    widgets.create(size=7, parts=[{"name": "a", "weight": 5}])
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    table = api.http.get(widgets.path, headers=headers).json()
    assert [(each["name"], each["priority"]) for each in table["columnDefinitions"]] == [
        ("Name", 0), ("Size", 0), ("Phase", 0), ("Heavy", 1), ("Age", 0),
    ]  # fmt: skip
    cells = table["rows"][0]["cells"]
    assert cells[:4] == ["w", 7, None, 5] or cells[:4] == ["w", 7, "", 5]


def test_selectable_fields(api, widgets):
    widgets.create(mode="slow")
    for mode, count in [("slow", 1), ("fast", 0)]:
        answer = api.http.get(widgets.path, params={"fieldSelector": f"spec.mode={mode}"})
        assert len(answer.json()["items"]) == count
    status(api.http.get(widgets.path, params={"fieldSelector": "spec.size=1"}), 400, "BadRequest")


def test_the_scale_of_a_custom_object(api, widgets):
    widgets.create(replicas=2)
    scale = api.http.get(f"{widgets.one}/scale").json()
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 0})
    scale["spec"]["replicas"] = 5
    assert api.http.put(f"{widgets.one}/scale", json=scale).status_code == 200
    assert api.http.get(widgets.one).json()["spec"]["replicas"] == 5
    answer = api.patch(f"{widgets.one}/scale", {"spec": {"replicas": 3}})
    assert answer.json()["spec"]["replicas"] == 3


def test_items_of_a_custom_list_say_what_they_are(api, widgets, group):
    widgets.create()
    body = api.http.get(widgets.path).json()
    assert body["kind"] == "WidgetList"
    assert body["items"][0]["kind"] == "Widget"


def test_a_large_custom_object(api, widgets):
    made = widgets.create(free={"text": "x" * 1_000_000})
    assert len(made["spec"]["free"]["text"]) == 1_000_000


def test_a_watch_of_custom_objects(api, widgets):
    with api.watch(widgets.path) as events:
        widgets.create()
        event = events.next()
    assert (event["type"], event["object"]["kind"]) == ("ADDED", "Widget")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda spec: spec["names"].pop("kind"), "spec.names.kind"),
        (lambda spec: spec.update(scope="Sideways"), "spec.scope"),
        (lambda spec: spec["versions"][0].pop("schema"), "spec.versions[0].schema.openAPIV3Schema"),
        (lambda spec: spec["versions"][1].update(storage=True), "spec.versions"),
    ],
)
def test_definitions_that_are_refused(api, change, field):
    value = definition(f"{api.namespace}.example.com")
    change(value["spec"])
    body = status(api.http.post(CRDS, json=value), 422, "Invalid")
    assert field in [each["field"] for each in body["details"]["causes"]]


def test_a_definitions_name_is_its_names(api):
    value = definition(f"{api.namespace}.example.com")
    value["metadata"]["name"] = "gadgets.example.com"
    body = status(api.http.post(CRDS, json=value), 422, "Invalid")
    assert "metadata.name" in [each["field"] for each in body["details"]["causes"]]


def test_a_definition_takes_its_objects_with_it(api):
    group = f"{api.namespace}.example.com"
    assert api.http.post(CRDS, json=definition(group)).status_code == 201
    api.eventually(f"{CRDS}/widgets.{group}", established)
    path = api.path("widgets", group=f"{group}/v1")
    api.eventually(path, bool)
    value = {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1},
    }
    assert api.http.post(path, json=value).status_code == 201
    assert api.http.delete(f"{CRDS}/widgets.{group}").status_code == 200
    api.gone(f"{CRDS}/widgets.{group}")
    api.gone(path)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"properties": True}},
        {"type": "array", "items": {"type": "string", "pattern": 7}},
        {"type": "object", "additionalProperties": {"properties": 5}},
        {"type": "object", "additionalProperties": "yes"},
    ],
)
def test_a_schema_that_is_none_deep_inside(api, schema):
    name = f"g{secrets.token_hex(4)}.example.com"
    value = definition(name)
    for version in value["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"]["properties"]["odd"] = schema
    answer = api.http.post(CRDS, json=value, params={"dryRun": "All"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
