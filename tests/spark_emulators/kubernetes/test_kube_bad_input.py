"""Whatever a client sends, the server answers it: no error of its own, no traceback."""

import json
import logging

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from kube_api import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api, config_map, deployment, pod
from kube_nonsense import (
    ACCEPTED,
    GROUP,
    MEDIA,
    SOUND,
    addresses,
    bent,
    bodies,
    operations,
    queries,
    verbs,
)
from kube_widgets import definition
from nonsense import asked

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A cluster with an object of some kinds, and all paths that discovery tells."""
    file = tmp_path_factory.mktemp("bad") / "kubeconfig"
    with ApiServer(Settings(port=0, kubeconfig=file)) as server:
        api = Api(file, "default")
        answer = api.http.post(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition(GROUP)
        )
        assert answer.status_code == 201, answer.text
        api.eventually(api.path("widgets", group=f"{GROUP}/v1"), bool)
        api.create("configmaps", config_map("c", data={"a": "b"}))
        api.create("pods", pod("p"))
        api.create("deployments", deployment("d"), "apps/v1")
        yield server, api, paths(api)
        api.close()


def paths(api):
    """Every collection and subresource there is, as (base, plural, subresource, namespaced)."""
    bases = ["/api/v1"] + [
        f"/apis/{version['groupVersion']}"
        for group in api.http.get("/apis").json()["groups"]
        for version in group["versions"]
    ]
    found = []
    for base in bases:
        for each in api.http.get(base).json()["resources"]:
            plural, _, sub = each["name"].partition("/")
            found.append((base, plural, sub, each["namespaced"]))
    assert len(found) > 60
    return found


def test_no_request_breaks_the_server(served, sound):
    _, _api, known = served
    watching = {"watch": "true", "timeoutSeconds": "1"}

    @asked(1200)
    @given(
        verbs,
        addresses(known),
        some.builds(
            lambda given, watches: {**given, **(watching if watches == 0 else {})},
            queries,
            some.integers(0, 7),
        ),
        some.sampled_from(MEDIA),
        some.sampled_from(ACCEPTED),
        bodies,
    )
    def ask(verb, path, query, media, accept, body):
        headers = {"Content-Type": media, "Accept": accept}
        sound(verb, path, query, headers, body)

    ask()
    assert {200, 400, 404, 405, 406, 415} <= sound.seen


def test_no_object_that_is_nearly_right_breaks_the_server(served, sound):
    @some.composite
    def requests(draw):
        path, value = draw(some.sampled_from(list(SOUND.items())))
        verb = draw(some.sampled_from(["POST", "POST", "PUT", "PATCH"]))
        media = "application/json"
        if verb != "POST" and path.count("/") < 7:
            path += f"/{value['metadata']['name']}" if "metadata" in value else "/x"
        if verb == "PATCH":
            media = draw(some.sampled_from([MERGE, STRATEGIC, APPLY, JSON_PATCH]))
        body = draw(operations if media == JSON_PATCH else bent(value))
        query = {"fieldManager": "m"} if media == APPLY else {}
        return verb, path, {**query, **draw(queries)}, {"Content-Type": media}, body

    @asked(1500)
    @given(requests())
    def ask(request):
        *rest, body = request
        sound(*rest, json.dumps(body).encode())

    ask()
    assert {200, 201, 400, 404, 409, 422} <= sound.seen


@pytest.fixture
def sound(served, caplog):
    """Asks the server, and insists on a sound answer; nothing is logged as an error meanwhile."""
    _, api, _ = served
    asking = Asking(api.http)
    with caplog.at_level(logging.WARNING):
        yield asking
    assert [each.getMessage() for each in caplog.records if each.exc_info] == []
    assert api.http.get("/readyz").text == "ok"


class Asking:
    """Asks, and remembers the codes seen."""

    def __init__(self, http):
        self._http = http
        self.seen = set()

    def __call__(self, verb, path, query, headers, body):
        answer = send(self._http, verb, path, query, headers, body)
        self.seen.add(answer.status_code)
        assert answer.status_code < 500 or is_meant(answer), (verb, path, query, body, answer.text)
        if answer.status_code >= 400 and verb != "HEAD":
            status = answer.json()
            assert (status["kind"], status["code"]) == ("Status", answer.status_code), status


def send(http, verb, path, query, headers, body):
    """The answer; of a watch, its beginning: it may have no end soon."""
    content = body if verb in ("POST", "PUT", "PATCH", "DELETE") else None
    with http.stream(verb, path, params=query, headers=headers, content=content) as answer:
        if "watch" not in query or answer.status_code != 200:
            answer.read()
        return answer


def is_meant(answer):
    """Whether a 5xx is what a real server says of such a request."""
    reasons = {504: "Timeout", 501: "NotImplemented", 503: "ServiceUnavailable"}
    try:
        return answer.json()["reason"] == reasons.get(answer.status_code)
    except (ValueError, httpx.ResponseNotRead):
        return False
