"""A Kubernetes API under test: raw HTTP with the names tests speak in."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from spark_platform.kernel.wait import NotYet, poll

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TIMEOUT_S = 30


class Api:
    """One client of one server, with a namespace of its own.

    Args:
        kubeconfig: whose server, and as whom.
        namespace: where objects of the test live.
    """

    def __init__(self, kubeconfig: Path, namespace: str = "") -> None:
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.url = cluster["server"]
        self.context = ssl.create_default_context()
        if cluster.get("insecure-skip-tls-verify"):
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        else:
            data = base64.b64decode(cluster["certificate-authority-data"])
            self.context.load_verify_locations(cadata=data.decode())
        self.token = user["token"]
        self.namespace = namespace
        self.http = self.client({"Authorization": f"Bearer {self.token}"})

    def client(self, headers: dict[str, str] | None = None) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, verify=self.context, timeout=TIMEOUT_S, headers=headers or {}
        )

    def close(self) -> None:
        self.http.close()

    def path(self, plural: str, name: str = "", sub: str = "", group: str = "") -> str:
        """A path in the test's namespace; ``group`` is ``apps/v1``."""
        base = f"/apis/{group}" if group else "/api/v1"
        parts = [base, "namespaces", self.namespace, plural, name, sub]
        return "/".join(each for each in parts if each)

    def create(self, plural: str, value: dict[str, Any], group: str = "", **query: str) -> Any:
        """Create, insisting that it works."""
        answer = self.http.post(self.path(plural, group=group), json=value, params=query)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def patch(self, path: str, body: Any, kind: str = MERGE, **query: str) -> httpx.Response:
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.http.patch(path, content=content, headers={"Content-Type": kind}, params=query)

    def apply(self, path: str, body: Any, manager: str = "test", **query: str) -> httpx.Response:
        return self.patch(path, body, APPLY, fieldManager=manager, **query)

    def gone(self, path: str) -> None:
        """Wait until a path answers 404."""

        def check() -> None:
            code = self.http.get(path).status_code
            if code != 404:
                raise NotYet(f"it answers {code}")

        poll(check, what=f"{path} to go", timeout_s=TIMEOUT_S)

    def eventually(self, path: str, accept: Any, what: str = "") -> Any:
        """Wait until what a path answers satisfies ``accept``."""

        def check() -> Any:
            answer = self.http.get(path)
            if answer.status_code != 200 or not accept(answer.json()):
                raise NotYet(f"{answer.status_code} {answer.text[:300]}")
            return answer.json()

        return poll(check, what=what or path, timeout_s=TIMEOUT_S)

    @contextlib.contextmanager
    def watch(self, path: str, **query: str) -> Iterator[Events]:
        """Watch a collection; events are taken off the stream as they are asked for."""
        params = {"watch": "true", "timeoutSeconds": str(TIMEOUT_S), **query}
        with self.http.stream("GET", path, params=params) as answer:
            yield Events(answer)


class Events:
    """The events of a stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines() if answer.status_code == 200 else iter(())

    def next(self) -> dict[str, Any]:
        """The next event; the watch's own timeout ends the wait."""
        for line in self._lines:
            if line.strip():
                found: dict[str, Any] = json.loads(line)
                return found
        raise AssertionError("the stream ended")

    def rest(self) -> list[dict[str, Any]]:
        """All events until the server ends the stream."""
        return [json.loads(line) for line in self._lines if line.strip()]


def config_map(name: str = "c", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **rest.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **rest}


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    """A pod that no scheduler knows: nothing but the test changes it, on a cluster of nodes too."""
    metadata = {"name": name, **spec.pop("metadata", {})}
    containers = spec.pop("containers", [{"name": "main", "image": "busybox:1"}])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": containers, "schedulerName": "nobody", **spec},
    }


def deployment(name: str = "d", replicas: int = 0, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "busybox:1"}]},
            },
            **spec,
        },
    }


def in_thread(target: Any) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread
