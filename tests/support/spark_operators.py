"""An operator that a test brings on step by step, at a time that the test sets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from spark_apps import driver

from spark_emulators.spark_operator.operator import Operator
from spark_emulators.spark_operator.resources.definitions import APPLICATIONS
from spark_emulators.spark_operator.settings import OperatorSettings
from spark_platform.kernel.errors import Conflict, NotFound, Transient
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes, connect
from spark_platform.kernel.wait import NotYet, poll

# a real cluster's garbage collector looks for new kinds, and does nothing else, every half minute
TIMEOUT_S = 240


class Killed(BaseException):
    """Nothing of the operator runs after this, as after kill -9."""


class Mortal(Kubernetes):
    """A client whose process is killed at one of its writes, before or after it is done."""

    calls = writes = 0
    dies_at: int | None = None
    after = False

    def _open(self, method: str, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if method == "GET":
            return super()._open(method, *arguments, **options)
        self.writes += 1
        # one that fails is no reason to live on
        if self.dies_at is None or self.writes < self.dies_at:
            return super()._open(method, *arguments, **options)
        if self.after:
            with super()._open(method, *arguments, **options) as answer:
                answer.read()
        raise Killed


class Site:
    """A namespace, an operator for it, and a test in the place of the kubelet.

    Args:
        kubeconfig: the cluster's.
        namespace: where it all is.
        settings: of the operator, beyond the namespace.
    """

    def __init__(self, kubeconfig: Path, namespace: str, **settings: Any) -> None:
        self.namespace = namespace
        self.kubernetes = connect(kubeconfig)
        self._kubeconfig = kubeconfig
        self._settings = OperatorSettings(namespace=namespace, **settings)
        self._skipped = 0.0
        self.mortal: Mortal | None = None
        self.operator = self._operator()

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self._skipped)

    def monotonic(self) -> float:
        import time

        return time.monotonic() + self._skipped

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._skipped += seconds
        self.operator.turned()

    def restart(self, dies_at: int | None = None, *, after: bool = False) -> None:
        """Another operator takes over from one that was killed."""
        with contextlib.suppress(RuntimeError):
            self.operator.close()
        self.operator = self._operator(dies_at, after=after)

    def close(self) -> None:
        self.operator.close()
        self.kubernetes.close()
        if self.mortal:
            self.mortal.close()

    def _operator(self, dies_at: int | None = None, *, after: bool = False) -> Operator:
        if self.mortal:
            self.mortal.close()
        plain = connect(self._kubeconfig)
        self.mortal = Mortal(plain._api)
        self.mortal.dies_at, self.mortal.after = dies_at, after
        operator = Operator(self.mortal, self._settings, now=self.now, monotonic=self.monotonic)
        operator.watch()
        return operator

    def apply(self, value: dict[str, Any]) -> None:
        self.kubernetes.create(APPLICATIONS, self.namespace, value)

    def get(self, name: str = "app") -> Any:
        return self.kubernetes.get(APPLICATIONS, self.namespace, name)

    def state(self, name: str = "app") -> str:
        return str(
            self.get(name).get("status", {}).get("currentState", {}).get("currentStateSummary")
        )

    def message(self, name: str = "app") -> str:
        return str(self.get(name)["status"]["currentState"]["message"])

    def states(self, name: str = "app") -> list[str]:
        """The history of the current attempt."""
        history = self.get(name)["status"]["stateTransitionHistory"]
        return [history[key]["currentStateSummary"] for key in sorted(history, key=int)]

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Let the operator work until a condition holds."""

        def check() -> Any:
            self.rests()
            found = condition()
            if not found:
                raise NotYet(str(found))
            return found

        return poll(check, what=what, timeout_s=TIMEOUT_S, interval_s=0.01)

    def rests(self) -> None:
        """Let the operator do all there is to do now."""
        while self.operator.step():
            pass

    def comes_to(self, state: str, name: str = "app") -> None:
        def there() -> bool:
            if self.state(name) != state:
                raise NotYet(f"{self.get(name).get('status')}")
            return True

        self.until(there, f"{name} to be {state}")

    def goes(self, name: str = "app") -> None:
        """Wait until the application is gone."""

        def gone() -> bool:
            try:
                self.get(name)
            except NotFound:
                return True
            return False

        self.until(gone, f"{name} to be gone")

    def pods(self) -> list[Any]:
        return self.kubernetes.list(PODS, self.namespace)[0]

    def says(self, pod: str = "app-0-driver", *arguments: Any, **status: Any) -> None:
        """What the kubelet would report of a driver."""
        change = {"status": driver(*arguments, **status)["status"]}

        def told() -> None:
            try:
                self.kubernetes.patch(PODS, self.namespace, pod, change, "status")
            except (Conflict, Transient) as error:
                # faults befall everybody
                raise NotYet(error.message) from error

        poll(told, what=f"what the kubelet says of {pod}", timeout_s=TIMEOUT_S)

    def executor(self, name: str, *, ready: bool = True, attempt: int = 0) -> None:
        """A pod that the driver would make."""
        pod = self.kubernetes.get(PODS, self.namespace, f"app-{attempt}-driver")
        labels = {**pod["metadata"]["labels"], "spark-role": "executor"}
        owner = {
            "apiVersion": "v1", "kind": "Pod", "controller": True,
            "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"],
        }  # fmt: skip
        container = {"name": "executor", "image": "busybox"}
        self.kubernetes.create(
            PODS,
            self.namespace,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]},
                "spec": {"containers": [container], "schedulerName": "nobody"},
            },
        )
        self.says(name, "Running", ready=ready, name="executor")

    def events(self) -> list[tuple[str, str]]:
        from spark_emulators.spark_operator.events import EVENTS

        found, _ = self.kubernetes.list(EVENTS, self.namespace)
        ordered = sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))
        return [(each["type"], each["reason"]) for each in ordered]


@contextlib.contextmanager
def pods_made(site: Site) -> Iterator[list[str]]:
    """The names of all pods that are created in a block, one for each time."""
    _, version = site.kubernetes.list(PODS, site.namespace)
    made: list[str] = []
    yield made
    watch = site.kubernetes.watch(PODS, site.namespace, version=version)
    marker = "marker"
    site.kubernetes.create(
        PODS,
        site.namespace,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": marker},
            "spec": {
                "containers": [{"name": "c", "image": "busybox"}],
                "schedulerName": "nobody",
            },
        },
    )
    for kind, pod in watch:
        if kind == "ADDED":
            if pod["metadata"]["name"] == marker:
                break
            made.append(pod["metadata"]["name"])
    watch.stop()
    site.kubernetes.delete(PODS, site.namespace, marker, grace_s=0)
