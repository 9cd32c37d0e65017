"""Lists and watches."""

import re

import pytest
from kube_api import MERGE, config_map, pod
from test_kube_objects import status


def names(answer):
    assert answer.status_code == 200, answer.text
    return [each["metadata"]["name"] for each in answer.json()["items"]]


@pytest.fixture
def five(api):
    for index in range(5):
        labels = {"index": str(index), "parity": "even" if index % 2 == 0 else "odd"}
        api.create("configmaps", config_map(f"c{index}", metadata={"labels": labels}))
    return {"labelSelector": "index"}


def test_a_list_is_typed(api, five):
    body = api.http.get(api.path("configmaps"), params=five).json()
    assert (body["kind"], body["apiVersion"]) == ("ConfigMapList", "v1")
    assert body["metadata"]["resourceVersion"].isdigit()
    assert [each["metadata"]["name"] for each in body["items"]] == ["c0", "c1", "c2", "c3", "c4"]
    assert not {"kind", "apiVersion"} & set(body["items"][0])


def test_a_list_over_all_namespaces(api, five):
    assert len(names(api.http.get("/api/v1/configmaps", params=five))) >= 5


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("parity=even", ["c0", "c2", "c4"]),
        ("parity==odd", ["c1", "c3"]),
        ("parity!=even,index", ["c1", "c3"]),
        ("index in (0, 3)", ["c0", "c3"]),
        ("index notin (0,1,2),index", ["c3", "c4"]),
        ("index,!nothing", ["c0", "c1", "c2", "c3", "c4"]),
        ("index>2", ["c3", "c4"]),
        ("index<1", ["c0"]),
        ("nothing", []),
    ],
)
def test_label_selectors(api, five, selector, found):
    assert names(api.http.get(api.path("configmaps"), params={"labelSelector": selector})) == found


@pytest.mark.parametrize(
    "selector", ["a=b=c", "a in", "a in (b", "=b", "a,,b", "a b", "a>x", "!", "a in (b c)", "a=(b)"]
)
def test_label_selectors_that_are_none(api, selector):
    answer = api.http.get(api.path("configmaps"), params={"labelSelector": selector})
    body = status(answer, 400, "BadRequest")
    assert re.match("unable to parse requirement: |found '.*', expected: ", body["message"])


def test_field_selectors(api, five):
    params = {"fieldSelector": "metadata.name=c3"}
    assert names(api.http.get(api.path("configmaps"), params=params)) == ["c3"]
    params = {"fieldSelector": "metadata.name!=c3", **five}
    assert names(api.http.get(api.path("configmaps"), params=params)) == ["c0", "c1", "c2", "c4"]


def test_field_selectors_of_pods(api):
    api.create("pods", pod("a", restartPolicy="Never"))
    api.create("pods", pod("b"))
    for selector, found in [
        ("spec.restartPolicy=Never", ["a"]),
        ("status.phase=Pending", ["a", "b"]),
        ("spec.nodeName=", ["a", "b"]),
        ("spec.serviceAccountName=default,metadata.name=b", ["b"]),
        ("spec.schedulerName=nobody", ["a", "b"]),
        ("spec.schedulerName!=nobody", []),
    ]:
        answer = api.http.get(api.path("pods"), params={"fieldSelector": selector})
        assert names(answer) == found, selector


@pytest.mark.parametrize(("plural", "field"), [("configmaps", "data.a"), ("pods", "spec.x")])
def test_fields_that_cannot_be_selected_by(api, plural, field):
    answer = api.http.get(api.path(plural), params={"fieldSelector": f"{field}=1"})
    body = status(answer, 400, "BadRequest")
    assert field in body["message"]


def test_pages_show_one_version(api, five):
    path = api.path("configmaps")
    first = api.http.get(path, params={"limit": 2, **five}).json()
    api.http.delete(api.path("configmaps", "c3"))
    api.create("configmaps", config_map("c5", metadata={"labels": {"index": "5"}}))
    token = first["metadata"]["continue"]
    second = api.http.get(path, params={"limit": 2, "continue": token, **five}).json()
    token = second["metadata"]["continue"]
    third = api.http.get(path, params={"limit": 2, "continue": token, **five}).json()
    found = [each["metadata"]["name"] for page in (first, second, third) for each in page["items"]]
    assert found == ["c0", "c1", "c2", "c3", "c4"]
    assert "continue" not in third["metadata"]
    assert len({page["metadata"]["resourceVersion"] for page in (first, second, third)}) == 1


def test_what_remains_is_counted_without_selectors(api):
    for index in range(4):
        api.create("secrets", {"metadata": {"name": f"s{index}"}})
    body = api.http.get(api.path("secrets"), params={"limit": 1}).json()
    assert body["metadata"]["remainingItemCount"] == 3


def test_a_token_that_is_none(api):
    answer = api.http.get(api.path("configmaps"), params={"limit": 1, "continue": "nonsense"})
    assert status(answer, 400, "BadRequest")["message"].startswith(
        "invalid continue token: continue key is not valid"
    )


def test_a_list_at_a_version(api, five):
    version = api.http.get(api.path("configmaps")).json()["metadata"]["resourceVersion"]
    api.http.delete(api.path("configmaps", "c0"))
    params = {"resourceVersion": version, "resourceVersionMatch": "Exact", **five}
    assert names(api.http.get(api.path("configmaps"), params=params))[0] == "c0"
    params["resourceVersionMatch"] = "NotOlderThan"
    assert names(api.http.get(api.path("configmaps"), params=params))[0] == "c1"


def test_a_version_that_has_not_come(api):
    version = int(api.http.get(api.path("configmaps")).json()["metadata"]["resourceVersion"])
    answer = api.http.get(
        api.path("configmaps"), params={"resourceVersion": str(version + 100_000)}
    )
    body = status(answer, 504, "Timeout")
    assert body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert body["details"]["retryAfterSeconds"] == 1
    assert body["message"].startswith("Timeout: Too large resource version")


def test_a_version_that_is_none(api):
    answer = api.http.get(api.path("configmaps"), params={"resourceVersion": "x"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "params",
    [
        {"resourceVersionMatch": "Exact"},
        {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
        {"resourceVersionMatch": "Nonsense", "resourceVersion": "1"},
        {"resourceVersionMatch": "Exact", "resourceVersion": "1", "continue": "x"},
        {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"},
    ],
)
def test_list_options_that_contradict_each_other(api, params):
    body = status(api.http.get(api.path("configmaps"), params=params), 422, "Invalid")
    assert body["details"]["kind"] == "ListOptions"


def test_a_watch_from_a_version_sees_what_follows(api):
    version = api.create("configmaps", config_map("a"))["metadata"]["resourceVersion"]
    with api.watch(api.path("configmaps"), resourceVersion=version) as events:
        api.create("configmaps", config_map("b", data={"x": "1"}))
        api.patch(api.path("configmaps", "b"), {"data": {"x": "2"}})
        api.http.delete(api.path("configmaps", "b"))
        seen = [events.next() for _ in range(3)]
    assert [each["type"] for each in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [each["object"].get("data") for each in seen] == [{"x": "1"}, {"x": "2"}, {"x": "2"}]
    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in seen]
    assert versions == sorted(set(versions))
    assert seen[0]["object"]["kind"] == "ConfigMap"


@pytest.mark.parametrize("version", ["", "0"])
def test_a_watch_from_now_begins_with_what_is_there(api, version):
    api.create("secrets", {"metadata": {"name": "a"}})
    api.create("secrets", {"metadata": {"name": "b"}})
    query = {"resourceVersion": version} if version else {}
    with api.watch(api.path("secrets"), **query) as events:
        seen = [events.next() for _ in range(2)]
    assert [(each["type"], each["object"]["metadata"]["name"]) for each in seen] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
    ]


def test_a_watch_with_a_selector_sees_objects_come_and_go(api):
    made = api.create("configmaps", config_map(metadata={"labels": {"on": "no"}}))
    path, version = api.path("configmaps", "c"), made["metadata"]["resourceVersion"]
    with api.watch(
        api.path("configmaps"), resourceVersion=version, labelSelector="on=yes"
    ) as events:
        for on in ("yes", "yes", "no"):
            api.patch(path, {"metadata": {"labels": {"on": on}}, "data": {"n": on}})
        api.patch(path, {"metadata": {"labels": {"on": "yes"}}, "data": {"n": "2"}})
        api.http.delete(path)
        seen = [events.next() for _ in range(4)]
    assert [each["type"] for each in seen] == ["ADDED", "DELETED", "ADDED", "DELETED"]
    # who loses an object sees how it was when it was still selected
    assert seen[1]["object"]["metadata"]["labels"] == {"on": "yes"}


def test_a_watch_of_one_object(api):
    api.create("configmaps", config_map("a"))
    api.create("configmaps", config_map("b"))
    with api.watch(api.path("configmaps"), fieldSelector="metadata.name=b") as events:
        assert events.next()["object"]["metadata"]["name"] == "b"


def test_a_watch_ends_in_time_with_a_bookmark(api):
    made = api.create("configmaps", config_map())
    version = made["metadata"]["resourceVersion"]
    query = {"resourceVersion": version, "timeoutSeconds": "1", "allowWatchBookmarks": "true"}
    with api.watch(api.path("configmaps"), **query) as events:
        seen = events.rest()
    assert all(each["type"] == "BOOKMARK" for each in seen)


def test_a_watch_list(api):
    api.create("secrets", {"metadata": {"name": "a"}})
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    with api.watch(api.path("secrets"), **query) as events:
        first, second = events.next(), events.next()
        api.create("secrets", {"metadata": {"name": "b"}})
        third = events.next()
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert second["type"] == "BOOKMARK"
    assert second["object"]["kind"] == "Secret"
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert third["object"]["metadata"]["name"] == "b"


def test_a_watch_list_needs_its_match(api):
    params = {"watch": "1", "sendInitialEvents": "true"}
    body = status(api.http.get(api.path("secrets"), params=params), 422, "Invalid")
    assert body["details"]["causes"][0]["field"] == "resourceVersionMatch"


def test_a_watch_of_a_no_change_is_silent(api):
    made = api.create("configmaps", config_map(data={"a": "1"}))
    path = api.path("configmaps", "c")
    version = made["metadata"]["resourceVersion"]
    with api.watch(api.path("configmaps"), resourceVersion=version) as events:
        api.patch(path, {"data": {"a": "1"}}, MERGE)
        api.patch(path, {"data": {"a": "2"}}, MERGE)
        assert events.next()["object"]["data"] == {"a": "2"}


def test_a_collection_is_deleted_by_selector(api, five):
    answer = api.http.delete(api.path("configmaps"), params={"labelSelector": "parity=even"})
    assert answer.status_code == 200
    assert answer.json()["kind"] == "ConfigMapList"
    assert len(answer.json()["items"]) == 3
    assert names(api.http.get(api.path("configmaps"), params=five)) == ["c1", "c3"]
