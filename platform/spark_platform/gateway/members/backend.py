"""One of the platform's other backends behind the gateway, as if it were a cluster.

Applications are kept here, as an API server keeps them; ``look`` is what an operator is there: it
has their jobs run, writes down what becomes of them, and ends what is deleted. All of it may be
done again, by any gateway that shares the database: an application's job has one name.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

from spark_platform.backends.backend import Backend
from spark_platform.backends.sk8.manifest import CONTAINER
from spark_platform.backends.sk8.status import driver_pod, observation
from spark_platform.gateway.admission import JOB
from spark_platform.gateway.deletions import Deletion
from spark_platform.gateway.members.jobs import job_of, name_of
from spark_platform.gateway.members.objects import Kept, Objects
from spark_platform.gateway.members.selectors import selector
from spark_platform.gateway.members.statuses import failed_to_start, pod_of, status_of
from spark_platform.gateway.routing import Cluster
from spark_platform.kernel.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PlatformError,
    TimedOut,
    Transient,
)
from spark_platform.kernel.kubernetes.resources import Object
from spark_platform.model import JobSpec, Observation, RunState

__all__ = ["BackendMember"]

_LOG = logging.getLogger(__name__)
_LOOKS_EVERY_S = 0.5
# longer than any watch goes on by itself
_GONE_FOR = timedelta(hours=2)
_DRIVER = re.compile(r"(?P<application>.+)-0-driver")


class BackendMember:
    """A backend. Implements ``Member``.

    Args:
        cluster: as routing sees it.
        backend: runs jobs.
        objects: keeps applications.
        conf: settings of all its jobs, whatever their applications say.
        provided: variables that its jobs have by other means than a cluster's secrets.
        now: the time.
    """

    def __init__(
        self,
        cluster: Cluster,
        backend: Backend,
        objects: Objects,
        *,
        conf: Mapping[str, str] = MappingProxyType({}),
        provided: frozenset[str] = frozenset(),
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.cluster = cluster
        self._backend, self._objects, self._now = backend, objects, now
        self._conf, self._provided = conf, provided

    def check(self) -> None:
        self._backend.check()

    def against(self, application: Object) -> str:
        try:
            self._job(application, "any")
        except InvalidInput as error:
            return error.message
        return ""

    def create(self, application: Object, domain: str, validation: str) -> Object:
        del domain, validation
        own = {"uid": str(uuid.uuid4()), "generation": 1}
        own["creationTimestamp"] = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        made = {**application, "metadata": {**application["metadata"], **own}}
        job = self._job(made, name_of(made))
        kept = self._objects.add(made, job.name)
        try:
            self._submit(kept)
        except (Transient, TimedOut) as error:
            # it is kept, so it will run
            _LOG.warning("%s is not submitted yet: %s", kept.job, error.message)
        except PlatformError:
            self._undo(kept)
            raise
        return self._now_of(kept).document

    def get(self, namespace: str, name: str) -> Object:
        return self._objects.find(namespace, name).document

    def list(self, namespace: str = "", labels: str = "") -> tuple[list[Object], str]:
        wants = selector(labels)
        found, version = self._objects.list(namespace)
        return [each.document for each in found if wants(_labels(each))], str(version)

    def watch(self, namespace: str, labels: str, version: str) -> KeptChanges:
        return KeptChanges(self._objects, namespace, labels, int(version))

    def delete(self, namespace: str, name: str, deletion: Deletion) -> None:
        if deletion.propagation == "Orphan":
            raise InvalidInput(
                f"propagationPolicy Orphan: on {self.cluster.name} a job ends with its application"
            )
        while True:
            kept = self._objects.find(namespace, name)
            metadata = kept.document["metadata"]
            if deletion.uid not in ("", metadata["uid"]):
                raise Conflict(f'"{name}" is not the one of uid {deletion.uid}')
            if kept.deleting or self._mark(kept):
                return

    def pod(self, namespace: str, name: str) -> Object:
        document = self._of_driver(namespace, name).document
        return pod_of(document, driver_pod(document), observation(document).state)

    def logs(self, namespace: str, pod: str, container: str, tail: int | None) -> str:
        if container not in ("", CONTAINER):
            raise InvalidInput(f"container {container} is not valid for pod {pod}")
        return self._backend.logs(self._of_driver(namespace, pod).job, tail)

    def close(self) -> None:
        self._backend.close()
        self._objects.close()

    def look(self) -> None:
        """Do what is due: submit, see how it is with jobs, end them.

        Raises:
            PlatformError: the backend is not there; the next call tries again.
        """
        self._objects.forget(self._now() - _GONE_FOR)
        due = self._objects.due()
        if due:
            self._backend.check()
        for kept in due:
            try:
                self._step(kept)
            except PlatformError as error:
                # the others are not to wait for it
                _LOG.warning("%s on %s: %s", kept.job, self.cluster.name, error.message)

    def _step(self, kept: Kept) -> None:
        if kept.deleting:
            self._end(kept)
        elif kept.submitted:
            self._told(kept, self._observed(kept))
        else:
            try:
                self._submit(kept)
            except (Transient, TimedOut):
                raise
            except PlatformError as error:
                status = failed_to_start(error.message, kept.document.get("status"), self._now())
                self._objects.change(kept, {**kept.document, "status": status}, over=True)

    def _submit(self, kept: Kept) -> None:
        try:
            seen = self._backend.submit(self._job(kept.document, kept.job))
        except Conflict:
            # nobody else has a name with this uid: it was submitted by another release
            seen = self._observed(kept)
        if not self._told(kept, seen) and self._now_of(kept).gone:
            with contextlib.suppress(NotFound):
                self._backend.cancel(kept.job)

    def _observed(self, kept: Kept) -> Observation:
        try:
            return self._backend.observe(kept.job)
        except NotFound:
            why = f"{self.cluster.name} does not know the job any more"
            return Observation(kept.job, RunState.FAILED, why)

    def _told(self, kept: Kept, seen: Observation) -> bool:
        """Write down how it is with a job; whether nobody else has changed its application."""
        document = self._with(kept, seen)
        if kept.submitted and document == kept.document:
            return True
        return self._objects.change(kept, document, over=seen.state.ended)

    def _end(self, kept: Kept) -> None:
        """Have the job of a deleted application end, and let the application go with it."""
        try:
            seen = self._backend.observe(kept.job)
            if not seen.state.ended and not seen.cancelling:
                self._backend.cancel(kept.job)
                seen = self._backend.observe(kept.job)
        except NotFound:
            seen = Observation(kept.job, RunState.CANCELLED)
        document = self._with(kept, seen)
        if seen.state.ended:
            self._backend.remove(kept.job)
            self._objects.gone(kept, document, self._now())
        elif document != kept.document:
            self._objects.change(kept, document)

    def _undo(self, kept: Kept) -> None:
        """Take back what the backend has refused, also if another gateway was just at it."""
        now = self._now_of(kept)
        if not now.deleting:
            self._mark(now)
        self._end(self._now_of(kept))

    def _mark(self, kept: Kept) -> bool:
        at = {"deletionTimestamp": self._now().strftime("%Y-%m-%dT%H:%M:%SZ")}
        metadata = {**kept.document["metadata"], **at, "deletionGracePeriodSeconds": 0}
        return self._objects.delete(kept, {**kept.document, "metadata": metadata})

    def _now_of(self, kept: Kept) -> Kept:
        found = self._objects.by_uid(kept.document["metadata"]["uid"])
        return kept if found is None else found

    def _with(self, kept: Kept, seen: Observation) -> Object:
        document = kept.document
        status = status_of(seen, document.get("status"), self._now(), deleting=kept.deleting)
        metadata: dict[str, Any] = dict(document["metadata"])
        if seen.application:
            metadata["annotations"] = {**metadata["annotations"], JOB: seen.application}
        return {**document, "metadata": metadata, "status": status}

    def _job(self, application: Object, name: str) -> JobSpec:
        job = job_of(application, name, conf=self._conf, provided=self._provided)
        can = self._backend.capabilities()
        if job.kind not in can.kinds:
            raise InvalidInput(f"it runs no jobs of kind {job.kind.value}")
        if job.secrets and not can.secrets:
            raise InvalidInput(
                f"it has no secrets for the variables {', '.join(sorted(job.secrets))}"
            )
        return job

    def _of_driver(self, namespace: str, pod: str) -> Kept:
        named = _DRIVER.fullmatch(pod)
        if named is None:
            raise NotFound(f'pods "{pod}" not found')
        return self._objects.find(namespace, named["application"])


class KeptChanges:
    """Changes of what is kept, asked for again and again. Implements ``Changes``.

    Args:
        objects: what is kept.
        namespace: of those that are told; empty for all.
        labels: a selector.
        version: that was seen.

    Raises:
        Expired: it is too old.
    """

    def __init__(self, objects: Objects, namespace: str, labels: str, version: int) -> None:
        self._objects, self._namespace = objects, namespace
        self._wants, self._seen = selector(labels), version
        self._stop = threading.Event()
        self._first = objects.since(version, namespace)

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        found, version = self._first
        while not self._stop.is_set():
            for each in found:
                kind = _kind(each, self._seen)
                if kind and self._wants(_labels(each)):
                    yield kind, each.document
            self._seen = version
            if not self._stop.wait(_LOOKS_EVERY_S):
                found, version = self._objects.since(self._seen, self._namespace)

    def stop(self) -> None:
        self._stop.set()


def _kind(changed: Kept, seen: int) -> str:
    """What has happened to it since a version; nothing that came and went."""
    came = changed.created > seen
    if changed.gone:
        return "" if came else "DELETED"
    return "ADDED" if came else "MODIFIED"


def _labels(kept: Kept) -> Mapping[str, str]:
    return kept.document["metadata"].get("labels") or {}
