"""A namespace for SparkApplications that really run, and what a test asks of them there."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kube_kubectl import Kubectl

from spark_platform.kernel.errors import NotFound, PlatformError, TimedOut
from spark_platform.kernel.kubernetes.client import PODS, connect
from spark_platform.kernel.kubernetes.resources import Object, Resource
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.engine import engine_spec

APPLICATIONS = Resource("spark.apache.org/v1", "sparkapplications")
NAMESPACES = Resource("v1", "namespaces")
SECRETS = Resource("v1", "secrets")
# what an application or its driver makes
KINDS = (
    APPLICATIONS,
    PODS,
    Resource("v1", "services"),
    Resource("v1", "configmaps"),
    Resource("v1", "persistentvolumeclaims"),
)
# a test that hangs is killed after 900 s, so this ends before it and says what was awaited
TIMEOUT_S = 300
NAME = "app"
EXECUTORS = "spark-role=executor"
# what lives for seconds, on a machine with few cores
LIGHT = {
    "spark.kubernetes.driver.request.cores": "0.1",
    "spark.kubernetes.executor.request.cores": "0.1",
    "spark.ui.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
QUICK = """
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
print("rows", session.range(1000).count(), flush=True)
session.stop()
"""
ENDS = frozenset({"ResourceReleased", "TerminatedWithoutReleaseResources"})

T = TypeVar("T")


def application(
    script: str,
    *,
    conf: Mapping[str, str] | None = None,
    tolerations: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A SparkApplication with one executor that runs a Python script, out of its own ConfigMap."""
    mounted = {"name": "spark-kubernetes-driver", "volumeMounts": [
        {"name": "job", "mountPath": "/job"}
    ]}  # fmt: skip
    return {
        "apiVersion": APPLICATIONS.group_version,
        "kind": "SparkApplication",
        "metadata": {"name": NAME},
        "spec": {
            "runtimeVersions": {"sparkVersion": engine_spec().pyspark},
            "pyFiles": "local:///job/job.py",
            "configMapSpecs": [{"name": "job", "data": {"job.py": script}}],
            "driverSpec": {
                "podTemplateSpec": {
                    "spec": {
                        "containers": [mounted],
                        "volumes": [{"name": "job", "configMap": {"name": "job"}}],
                    }
                }
            },
            "sparkConf": {
                "spark.kubernetes.container.image": engine_spec().image,
                "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
                "spark.executor.instances": "1",
                **LIGHT,
                **(conf or {}),
            },
            "applicationTolerations": {
                "resourceRetainPolicy": "Always",
                "instanceConfig": {"initExecutors": 1, "minExecutors": 1, "maxExecutors": 1},
                **(tolerations or {}),
            },
        },
    }


class ApplicationSite:
    """A namespace of a cluster with the service account ``spark``.

    Args:
        kubeconfig: the cluster's.
        namespace: made here.
        home: a folder for kubectl.
    """

    def __init__(self, kubeconfig: Path, namespace: str, home: Path) -> None:
        self.namespace = namespace
        self._kubeconfig = kubeconfig
        self.kubernetes = connect(kubeconfig)
        self.kubectl = Kubectl(kubeconfig, namespace, home)
        self.kubectl("create", "namespace", namespace)
        self.kubectl("create", "serviceaccount", "spark")
        account = f"--serviceaccount={namespace}:spark"
        self.kubectl("create", "rolebinding", "spark", "--clusterrole=edit", account)

    @contextlib.contextmanager
    def operator(self, log: Path) -> Iterator[None]:
        """An operator for this namespace, until what is left there is gone."""
        ready = log.with_suffix(".ready")
        argv = [sys.executable, "-m", "spark_emulators.spark_operator"]
        argv += ["--kubeconfig", str(self._kubeconfig), "--namespace", self.namespace]
        argv += ["--ready-file", str(ready)]

        def works() -> None:
            assert process.poll() is None, log.read_text()
            if not ready.exists():
                raise NotYet("it does not look after applications yet")

        with log.open("w") as words, subprocess.Popen(argv, stderr=words) as process:
            try:
                poll(works, what="the operator", timeout_s=TIMEOUT_S)
                yield
            finally:
                process.terminate()

    def close(self) -> None:
        self.kubernetes.delete(NAMESPACES, "", self.namespace)

        def none() -> None:
            # the operator lets each go
            left, _ = self.kubernetes.list(APPLICATIONS, self.namespace)
            if left:
                raise NotYet(f"there are {[each['metadata']['name'] for each in left]}")

        poll(none, what="the applications to be let go", timeout_s=TIMEOUT_S)
        self.kubernetes.close()

    def apply(self, value: Mapping[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=value)

    def get(self, name: str = NAME) -> Object:
        return self.kubernetes.get(APPLICATIONS, self.namespace, name)

    def status(self, name: str = NAME) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.get(name).get("status") or {}
        return found

    def message(self, state: str, name: str = NAME) -> str:
        """What the current attempt's history says of a state."""
        (found,) = (
            each for each in _history(self.status(name)) if each["currentStateSummary"] == state
        )
        return str(found["message"])

    def states(self, name: str = NAME) -> list[str]:
        """The history of the current attempt."""
        return [each["currentStateSummary"] for each in _history(self.status(name))]

    def attempt(self, name: str = NAME) -> int:
        """Its number; 0 before the operator has looked at it, too."""
        summary = self.status(name).get("currentAttemptSummary") or {}
        return int((summary.get("attemptInfo") or {"id": 0})["id"])

    def comes_to(self, state: str, name: str = NAME) -> None:
        """Wait until an application is in a state, or has been and ended."""

        def there() -> None:
            states = self.states(name)
            if state in states:
                return
            assert not ENDS & set(states), f"it ended otherwise; {self.told(name)}"
            raise NotYet(f"it went {' > '.join(states)}")

        self.until(there, f"{name} to be {state}", name)

    def is_now(self, state: str, name: str = NAME) -> None:
        """Wait until an application is in a state now."""

        def there() -> None:
            states = self.states(name)
            if states[-1:] != [state]:
                assert not ENDS & set(states), f"it ended; {self.told(name)}"
                raise NotYet(f"it went {' > '.join(states)}")

        self.until(there, f"{name} to be {state} again", name)

    def prints(self, *words: str, name: str = NAME) -> str:
        """The driver's log, as soon as it has all these words."""

        def there() -> str:
            printed = self.log(name)
            missing = [each for each in words if each not in printed]
            if missing:
                raise NotYet(f"it did not say {missing}")
            return printed

        return self.until(there, f"the driver of {name} to speak", name)

    def goes(self, name: str = NAME) -> None:
        """Wait until an application is gone, and all that there was of it."""

        def gone() -> None:
            left = self.left()
            if left:
                raise NotYet(f"there are {left}")

        self.until(gone, f"{name} to be gone with all that is its own", name)

    def executors(self, without: str = "") -> list[str]:
        """The names of the executors that run, of one at least.

        Args:
            without: one that must be gone.
        """

        def there() -> list[str]:
            pods, _ = self.kubernetes.list(PODS, self.namespace, EXECUTORS)
            names = [each["metadata"]["name"] for each in pods]
            running = [
                each["metadata"]["name"] for each in pods if each["status"]["phase"] == "Running"
            ]
            if without in names or not running:
                raise NotYet(f"there are {names}, of which run {running}")
            return running

        return self.until(there, f"an executor but {without!r}")

    def left(self) -> list[str]:
        """All that applications and drivers make, and is there."""
        return [
            f"{kind.plural}/{each['metadata']['name']}"
            for kind in KINDS
            for each in self.kubernetes.list(kind, self.namespace)[0]
            # what every namespace has
            if each["metadata"]["name"] != "kube-root-ca.crt"
        ]

    def log(self, name: str = NAME, tail: int | None = None) -> str:
        """What the driver of the current attempt has printed; nothing where there is none yet."""
        with contextlib.suppress(PlatformError):
            pod = f"{name}-{self.attempt(name)}-driver"
            return self.kubernetes.logs(self.namespace, pod, tail=tail)
        return ""

    def told(self, name: str = NAME) -> str:
        """An application's status and its driver's last words, for who reads a failure."""
        try:
            status = json.dumps(self.status(name), indent=1)
        except NotFound:
            status = "there is none"
        pods, _ = self.kubernetes.list(PODS, self.namespace)
        phases = {each["metadata"]["name"]: each["status"]["phase"] for each in pods}
        return (
            f"--- pods: {phases}\n--- status of {name}: {status[-5000:]}\n"
            f"--- last lines of its driver\n{self.log(name, tail=30)}"
        )

    def until(self, check: Callable[[], T], what: str, name: str = NAME) -> T:
        """Poll; a wait that ends in vain tells how it is with an application."""
        try:
            return poll(check, what=what, timeout_s=TIMEOUT_S, interval_s=0.2)
        except TimedOut as error:
            raise AssertionError(f"{error}\n{self.told(name)}") from error


def _history(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = status.get("stateTransitionHistory") or {}
    return [entries[key] for key in sorted(entries, key=int)]
