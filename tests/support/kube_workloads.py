"""Workloads under test: what makes pods, and the pods it made."""

from __future__ import annotations

import subprocess
from typing import Any

from kube_api import MERGE, Api

from spark_platform.kernel.wait import NotYet, poll

TIMEOUT_S = 90
GROUPS = {
    "deployments": "apps/v1",
    "replicasets": "apps/v1",
    "statefulsets": "apps/v1",
    "daemonsets": "apps/v1",
    "controllerrevisions": "apps/v1",
    "jobs": "batch/v1",
    "poddisruptionbudgets": "policy/v1",
    "endpointslices": "discovery.k8s.io/v1",
}
STAYS = "trap 'exit 0' TERM; sleep 300 & wait"


class Workloads:
    """Those of a test's namespace, with an image that has a shell."""

    def __init__(self, api: Api, image: str) -> None:
        self.api = api
        self.image = image

    def template(self, script: str = STAYS, *, labels: Any = None, **spec: Any) -> dict[str, Any]:
        """A pod template that runs a script."""
        main = {
            "name": "main",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", script],
            **spec.pop("container", {}),
        }
        given = {"terminationGracePeriodSeconds": 0, "containers": [main], **spec}
        return {"metadata": {"labels": labels or {}}, "spec": given}

    def make(
        self, plural: str, kind: str, spec: dict[str, Any], name: str = "w", **meta: Any
    ) -> Any:
        group = GROUPS[plural]
        value = {
            "apiVersion": group,
            "kind": kind,
            "metadata": {"name": name, **meta},
            "spec": spec,
        }
        return self.api.create(plural, value, group)

    def replicated(
        self,
        plural: str,
        kind: str,
        replicas: int,
        script: str = STAYS,
        pod: Any = None,
        **spec: Any,
    ) -> Any:
        """A workload of pods labelled ``app=w``."""
        labels = {"app": "w"}
        template = self.template(script, labels=labels, **(pod or {}))
        given = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        return self.make(plural, kind, {**given, **spec})

    def path(self, plural: str, name: str = "w", sub: str = "") -> str:
        return self.api.path(plural, name, sub, GROUPS.get(plural, ""))

    def get(self, plural: str, name: str = "w") -> Any:
        return self.api.http.get(self.path(plural, name)).json()

    def list(self, plural: str, labels: str = "") -> list[Any]:
        path = self.api.path(plural, group=GROUPS.get(plural, ""))
        found = self.api.http.get(path, params={"labelSelector": labels} if labels else {})
        return list(found.json()["items"])

    def pods(self, labels: str = "") -> list[Any]:
        """Those that are not going, in the order of their names."""
        found = [each for each in self.list("pods", labels) if not is_going(each)]
        return sorted(found, key=lambda each: each["metadata"]["name"])

    def change(self, plural: str, body: Any, name: str = "w", kind: str = MERGE) -> Any:
        answer = self.api.patch(self.path(plural, name), body, kind)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, plural: str, holds: Any, name: str = "w") -> Any:
        """An object, as soon as ``holds`` of it."""

        def check() -> Any:
            found = self.get(plural, name)
            # of what is not there a status says so
            if found["kind"] == "Status" or not holds(found):
                raise NotYet(str(found.get("status", found)))
            return found

        return poll(check, what=f"{plural}/{name}", timeout_s=TIMEOUT_S)

    def until_pods(self, holds: Any, labels: str = "") -> list[Any]:
        """The pods, as soon as ``holds`` of them."""

        def check() -> list[Any]:
            found = self.pods(labels)
            if not holds(found):
                names = [(each["metadata"]["name"], each["status"]) for each in found]
                raise NotYet(str(names))
            return found

        return poll(check, what="pods", timeout_s=TIMEOUT_S)

    def until_event(self, name: str, reason: str) -> Any:
        """One event of an object with a reason."""
        return self.until_events(name, reason, 1)[0]

    def until_events(self, name: str, reason: str, count: int) -> list[Any]:
        """So many events of an object with a reason."""

        def check() -> list[Any]:
            query = {"fieldSelector": f"involvedObject.name={name},reason={reason}"}
            found = self.api.http.get(self.api.path("events"), params=query).json()["items"]
            if len(found) < count:
                raise NotYet(f"{len(found)} such events")
            return list(found)

        return poll(check, what=f"event {reason}", timeout_s=TIMEOUT_S)

    def kubectl(self, *words: str) -> str:
        """What kubectl prints, insisting that it succeeds."""
        command = [
            *("kubectl", "--kubeconfig", str(self.api.kubeconfig)),
            *("--namespace", self.api.namespace, *words),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stderr
        return done.stdout


def is_going(value: Any) -> bool:
    return "deletionTimestamp" in value["metadata"]


def observed(value: Any, **counts: int) -> bool:
    """Whether the newest spec was acted on, and the status has these numbers."""
    status = value["status"]
    seen = status.get("observedGeneration") == value["metadata"]["generation"]
    return seen and all(status.get(name, 0) == count for name, count in counts.items())


def conditions(value: Any) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition."""
    found = value.get("status", {}).get("conditions") or []
    return {each["type"]: (each["status"], each.get("reason", "")) for each in found}


def controller(value: Any) -> Any:
    """Who controls an object: kind and name; None where nobody does."""
    owners = value["metadata"].get("ownerReferences") or ()
    return next(((each["kind"], each["name"]) for each in owners if each.get("controller")), None)
