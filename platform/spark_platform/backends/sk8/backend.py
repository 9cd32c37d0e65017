"""Jobs on one Kubernetes cluster with the Spark operator."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from spark_platform.backends.backend import Capabilities
from spark_platform.backends.sk8.manifest import API_VERSION, DIGEST, MANAGED_BY, manifest
from spark_platform.backends.sk8.status import driver_pod, observation
from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.reflector import Reflector
from spark_platform.kernel.kubernetes.resources import Object, Resource
from spark_platform.model import JobKind, JobSpec, Observation, RunState

__all__ = ["APPLICATIONS", "Sk8"]

APPLICATIONS = Resource(API_VERSION, "sparkapplications")
_LOOKS_EVERY_S = 0.5
_DAY_S = 24 * 3600


class Sk8:
    """SparkApplications of one namespace. Implements ``Backend``.

    Args:
        kubernetes: the cluster.
        namespace: where jobs run.
        name: the backend's.
        kept_s: how long pods stay after a job's end, for their logs.
        conf: Spark's settings of jobs that do not say them: where tables lie, for one.
        secrets: variables of jobs that do not say them → ``secret:key``.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        namespace: str,
        *,
        name: str = "sk8",
        kept_s: int = _DAY_S,
        conf: Mapping[str, str] = MappingProxyType({}),
        secrets: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self._kubernetes, self._namespace, self._kept_s = kubernetes, namespace, kept_s
        self._conf, self._secrets = conf, secrets
        self._labels = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())

    def capabilities(self) -> Capabilities:
        return Capabilities(
            frozenset(JobKind), executors=True, watches=True, remembers=False, secrets=True
        )

    def check(self) -> None:
        self._kubernetes.version()

    def submit(self, job: JobSpec) -> Observation:
        value = manifest(
            job, self._namespace, kept_s=self._kept_s, conf=self._conf, secrets=self._secrets
        )
        try:
            made = self._kubernetes.create(APPLICATIONS, self._namespace, value)
        except AlreadyExists as error:
            made = self._get(job.name)
            if made["metadata"].get("annotations", {}).get(DIGEST) != job.digest:
                raise Conflict(
                    f"the name {job.name} is another job's on {self.name}",
                    hint="a name is one job for ever: choose another",
                ) from error
        except NotFound as error:
            raise InvalidInput(
                f"{self.name} runs no jobs: {error.message}",
                hint=f"is there a namespace {self._namespace}, and is the operator installed?",
            ) from error
        return observation(made)

    def observe(self, name: str) -> Observation:
        return observation(self._get(name))

    def list(self) -> list[Observation]:
        found, _ = self._kubernetes.list(APPLICATIONS, self._namespace, self._labels)
        return [observation(each) for each in found]

    def watch(self, stop: threading.Event) -> Iterator[Observation]:
        news: queue.Queue[Observation] = queue.Queue()

        def changed(before: Object | None, now: Object | None) -> None:
            if now is not None:
                news.put(observation(now))
            elif before is not None:
                news.put(_gone(observation(before)))

        reflector = Reflector(
            self._kubernetes,
            APPLICATIONS,
            changed,
            namespace=self._namespace,
            labels=self._labels,
        )
        reflector.start()
        try:
            while not stop.is_set():
                with contextlib.suppress(queue.Empty):
                    yield news.get(timeout=_LOOKS_EVERY_S)
        finally:
            reflector.stop()

    def cancel(self, name: str) -> None:
        found = self._get(name)
        if not observation(found).state.ended:
            self._delete(found)

    def remove(self, name: str) -> None:
        with contextlib.suppress(NotFound):
            self._delete(self._get(name))

    def logs(self, name: str, tail: int | None = None) -> str:
        return self._kubernetes.logs(self._namespace, driver_pod(self._get(name)), tail=tail)

    def close(self) -> None:
        self._kubernetes.close()

    def _get(self, name: str) -> Object:
        try:
            return self._kubernetes.get(APPLICATIONS, self._namespace, name)
        except NotFound as error:
            raise NotFound(f"{self.name} knows no job {name}") from error

    def _delete(self, found: Object) -> None:
        metadata = found["metadata"]
        with contextlib.suppress(NotFound, Conflict):
            self._kubernetes.delete(
                APPLICATIONS, self._namespace, metadata["name"], uid=metadata["uid"]
            )


def _gone(last: Observation) -> Observation:
    if last.state.ended:
        return last
    return replace(
        last, state=RunState.CANCELLED, cancelling=False, reason="it was deleted before its end"
    )
