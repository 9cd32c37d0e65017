"""Pods that run, for tests."""

import subprocess

from kube_api import pod

from spark_platform.kernel.wait import NotYet, poll

TIMEOUT_S = 90


class Pods:
    """The pods of a test's namespace, with an image that has a shell."""

    def __init__(self, api, image):
        self.api = api
        self.image = image

    def run(self, script, name="p", *, container=None, **spec):
        """A pod of one container that runs a script."""
        main = {"name": "main", **self.shell(script), **(container or {})}
        given = {"restartPolicy": "Never", "schedulerName": "default-scheduler", **spec}
        return self.api.create("pods", pod(name, containers=[main], **given))

    def shell(self, script):
        return {
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", script],
        }

    def get(self, name="p"):
        return self.api.http.get(self.api.path("pods", name)).json()

    def until(self, condition, what, name="p"):
        """The pod, as soon as ``condition`` holds of it."""

        def holds():
            found = self.get(name)
            if "status" not in found or not condition(found):
                raise NotYet(str(found.get("status", found)))
            return found

        return poll(holds, what=what, timeout_s=TIMEOUT_S)

    def ended(self, name="p"):
        return self.until(
            lambda found: found["status"]["phase"] in ("Succeeded", "Failed"), "its end", name
        )

    def ready(self, name="p"):
        return self.until(lambda found: condition(found, "Ready") == "True", "readiness", name)

    def log(self, name="p", **query):
        return self.api.http.get(self.api.path("pods", name, "log"), params=query).text

    def execute(self, *command, name="p"):
        """The exit code of a command in the pod, and what it printed."""
        kubectl = [
            *("kubectl", "--kubeconfig", self.api.kubeconfig),
            *("--namespace", self.api.namespace, "exec", name, "--", *command),
        ]
        done = subprocess.run(kubectl, capture_output=True, text=True, timeout=TIMEOUT_S)
        return done.returncode, done.stdout

    def delete(self, name="p", **options):
        self.api.http.request("DELETE", self.api.path("pods", name), json=options)


def condition(found, kind):
    conditions = found["status"].get("conditions") or []
    return next((each["status"] for each in conditions if each["type"] == kind), None)
