"""A kopf operator, unmodified: it sees, keeps and lets go what it is told, and survives its end."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kube_api import MERGE

OPERATOR = Path(__file__).with_name("kopf_operator.py")
FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
LOG_LINES = 30


class Operator:
    """The operator's process, and the greetings that it keeps."""

    def __init__(self, api, group, log):
        self.api = api
        self.group = f"{group}/v1"
        self._log = log
        self._process = None

    def start(self, **environment):
        command = [sys.executable, "-m", "kopf", "run", "--standalone", str(OPERATOR)]
        known = {
            "KUBECONFIG": str(self.api.kubeconfig),
            "GREETING_GROUP": self.group.partition("/")[0],
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--namespace", self.api.namespace],
                env={**os.environ, **known, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self, number=signal.SIGTERM):
        self._process.send_signal(number)
        self._process.wait(60)

    def path(self, name):
        return self.api.path("greetings", name, group=self.group)

    def say(self, text, name="hello"):
        self.api.create(
            "greetings",
            {
                "apiVersion": self.group,
                "kind": "Greeting",
                "metadata": {"name": name},
                "spec": {"text": text},
            },
            group=self.group,
        )

    def until(self, path, accept, what):
        """What a path answers, once it is as wanted; else the operator's last words."""
        try:
            return self.api.eventually(path, accept, what)
        except Exception as error:
            said = self._log.read_text().splitlines()[-LOG_LINES:]
            raise AssertionError("\n".join([str(error), "the operator said:", *said])) from error

    def kept(self, text, name="hello"):
        """The config map of a greeting, once it says so."""
        path = self.api.path("configmaps", name)
        return self.until(path, lambda found: found["data"]["text"] == text, "the config map")

    def done(self, name="hello"):
        """The greeting, once its creation is done."""
        return self.until(
            self.path(name), lambda found: "greet" in found.get("status", {}), "the creation"
        )


@pytest.fixture
def operator(api, tmp_path):
    group = f"g{secrets.token_hex(4)}.example.com"
    name = f"greetings.{group}"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {
            "openAPIV3Schema": {"type": "object", "properties": {"spec": FREE, "status": FREE}}
        },
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": group,
            "names": {"kind": "Greeting", "plural": "greetings"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert api.http.post(definitions, json=definition).status_code == 201
    api.eventually(f"/apis/{group}/v1", bool)
    operator = Operator(api, group, tmp_path / "log")
    yield operator
    # what it holds could not go without it
    for each in api.http.get(api.path("greetings", group=operator.group)).json()["items"]:
        path = operator.path(each["metadata"]["name"])
        api.patch(path, {"metadata": {"finalizers": None}})
    with contextlib.suppress(ProcessLookupError):
        operator.end(signal.SIGKILL)
    api.http.delete(f"{definitions}/{name}")


def test_a_greetings_life(operator):
    operator.start()
    operator.say("hello")
    child = operator.kept("hello")
    (owner,) = child["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Greeting", "hello", True)
    found = operator.done()
    assert found["status"]["greet"] == {"child": "hello"}
    assert found["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]
    operator.until(operator.path("hello"), lambda now: now["status"]["ticks"] == 3, "its timer")

    operator.api.patch(operator.path("hello"), {"spec": {"text": "good day"}}, MERGE)
    operator.kept("good day")
    events = operator.api.path("events")
    operator.until(
        events, lambda found: "Changed" in {each["reason"] for each in found["items"]}, "its event"
    )

    assert operator.api.http.delete(operator.path("hello")).status_code == 200
    operator.api.gone(operator.path("hello"))
    operator.until(operator.api.path("configmaps", "parted-hello"), bool, "the last words")
    operator.api.gone(operator.api.path("configmaps", "hello"))
    operator.end()


def test_one_that_is_killed_in_the_middle_goes_on_where_it_was(operator):
    operator.start(GREETING_HANGS="yes")
    operator.say("hello")
    operator.kept("hello")
    operator.end(signal.SIGKILL)
    assert "greet" not in operator.api.http.get(operator.path("hello")).json().get("status", {})
    # what happens while nobody looks
    operator.say("and you", "second")
    operator.start()
    operator.done()
    operator.kept("and you", "second")
    operator.done("second")
    assert operator.api.http.delete(operator.path("second")).status_code == 200
    operator.api.gone(operator.path("second"))
    operator.end()
