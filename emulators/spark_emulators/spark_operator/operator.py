"""The operator: watches, a queue, and workers that reconcile what is in it."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone

from spark_emulators.spark_operator.clusters import ClusterReconciler
from spark_emulators.spark_operator.driver.names import OPERATOR_LABEL, app_label
from spark_emulators.spark_operator.events import Recorder
from spark_emulators.spark_operator.reconciler import Reconciler, read
from spark_emulators.spark_operator.resources.definitions import APPLICATIONS, CLUSTERS
from spark_emulators.spark_operator.settings import OperatorSettings
from spark_emulators.spark_operator.states import WITH_DRIVER
from spark_emulators.spark_operator.view import PodView, judged_part, without_managers
from spark_platform.kernel.errors import Conflict, NotFound, PlatformError, TimedOut, Transient
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes
from spark_platform.kernel.kubernetes.lease import Election
from spark_platform.kernel.kubernetes.reflector import Reflector
from spark_platform.kernel.kubernetes.resources import Key, Object, Resource, key_of
from spark_platform.kernel.kubernetes.workqueue import WorkQueue

__all__ = ["Operator"]

_LOG = logging.getLogger(__name__)
_SYNCED_WITHIN_S = 60.0
_ENDS_WITHIN_S = 30.0
Item = tuple[str, Key]


class Operator:
    """One replica.

    Args:
        kubernetes: the cluster.
        settings: how it runs.
        now: the time of day, for what lasts longer than the operator.
        monotonic: seconds that never go back; whoever turns it calls ``turned``.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        settings: OperatorSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kubernetes, self.settings = kubernetes, settings
        self._queue: WorkQueue[Item] = WorkQueue(monotonic)
        self._labels: dict[Key, Key] = {}
        self._edited: set[Key] = set()
        self._pods = PodView(kubernetes, self._pods_changed)
        recorder = Recorder(kubernetes, settings.name, now) if settings.events else None
        self._recorder = recorder
        self._reflectors = {
            APPLICATIONS: self._reflector(APPLICATIONS, self._application_changed),
            CLUSTERS: self._reflector(CLUSTERS, self._cluster_changed),
            PODS: self._reflector(
                PODS, self._pods.changed, f"{OPERATOR_LABEL}={settings.name}", judged_part
            ),
        }
        self._applications = Reconciler(
            kubernetes,
            self._pods,
            name=settings.name,
            now=now,
            recorder=recorder,
            written=self._reflectors[APPLICATIONS].assume,
            most_tries=settings.most_tries,
        )
        self._clusters = ClusterReconciler(
            kubernetes, now=now, recorder=recorder, written=self._reflectors[CLUSTERS].assume
        )
        self._election: Election | None = None
        if settings.lease:
            identity = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
            self._election = Election(
                kubernetes, settings.lease, identity, monotonic=monotonic, now=now
            )
        self._threads: list[threading.Thread] = []

    def run(self, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop`` is set, or until another replica leads.

        Args:
            ready: called when there is somebody who looks after applications, or waits for that.

        Raises:
            TimedOut: the cluster does not tell what there is.
        """
        try:
            if self._election:
                ready()
                self._election.keep(stop, self.start)
            else:
                self.start()
                ready()
                stop.wait()
        finally:
            self.close()

    def start(self) -> None:
        """Learn what there is, then let the workers begin.

        Raises:
            TimedOut: the cluster does not tell.
        """
        # pods first: an application must not be judged by pods that are not known yet
        self.watch()
        for number in range(self.settings.workers):
            thread = threading.Thread(target=self._work, name=f"worker {number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def watch(self) -> None:
        """Know what there is, and keep knowing it.

        Raises:
            TimedOut: the cluster does not tell.
        """
        for resource in (PODS, APPLICATIONS, CLUSTERS):
            reflector = self._reflectors[resource]
            reflector.start()
            if not reflector.synced.wait(_SYNCED_WITHIN_S):
                raise TimedOut(
                    f"{resource.plural} could not be listed within {_SYNCED_WITHIN_S:g} s",
                    hint="are the definitions installed, and may this user list them?",
                )

    def close(self) -> None:
        """End the watches and the workers; what they are at is finished."""
        self._queue.close()
        for reflector in self._reflectors.values():
            reflector.stop()
        for thread in self._threads:
            thread.join(_ENDS_WITHIN_S)
        if self._election:
            self._election.release()

    def step(self) -> bool:
        """Look at one thing that waits for it now; whether there was any."""
        item = self._queue.get(wait=False)
        if item is None:
            return False
        self._look(item)
        return True

    def next_due_s(self) -> float | None:
        """Seconds until there is something to look at; None while nothing waits for its time."""
        return self._queue.next_due_s()

    def turned(self) -> None:
        """The clock was turned."""
        self._queue.wake()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            self._look(item)

    def _look(self, item: Item) -> None:
        try:
            if self._election is None or self._election.leads():
                self._reconcile(item)
            else:
                self._queue.add_after(item, self._election.settings.retry_s)
        except Transient as error:
            wait_s = self._queue.failed(item, error.retry_after_s or 0.0)
            _LOG.info("%s: %s; again in %.2g s", item, error.message, wait_s)
        except (Conflict, NotFound) as error:
            # it is not what it was any more, which the watch will tell
            wait_s = self._queue.failed(item)
            _LOG.debug("%s: %s; again in %.2g s", item, error.message, wait_s)
        except PlatformError as error:
            wait_s = self._queue.failed(item, 1.0)
            _LOG.error("%s: %s; again in %.2g s", item, error.message, wait_s)
        except Exception:
            wait_s = self._queue.failed(item, 1.0)
            _LOG.exception("%s; again in %.2g s", item, wait_s)
        finally:
            self._queue.done(item)

    def _reconcile(self, item: Item) -> None:
        plural, key = item
        if plural == CLUSTERS.plural:
            found = self._reflectors[CLUSTERS].get(key)
            again_s = self._clusters.reconcile(found) if found is not None else None
        else:
            found = self._reflectors[APPLICATIONS].get(key)
            if key in self._edited:
                self._edited.discard(key)
                if found is not None:
                    self._tell_of_edit(found)
            again_s = self._applications.reconcile(found) if found is not None else None
            if found is None:
                self._applications.forget(key)
        self._queue.forget(item)
        if again_s is not None:
            self._queue.add_after(item, again_s)

    def _application_changed(self, before: Object | None, now: Object | None) -> None:
        found = now or before
        assert found is not None
        namespace, name = key = key_of(found)
        label = namespace, app_label(name)
        if now is None:
            self._labels.pop(label, None)
        else:
            self._labels[label] = key
        self._queue.add((APPLICATIONS.plural, key))
        if before is not None and now is not None and before.get("spec") != now.get("spec"):
            self._edited.add(key)

    def _tell_of_edit(self, found: Object) -> None:
        """What is edited of an attempt that runs counts for the next one only."""
        status = read(found).status
        if self._recorder and status and status.state in WITH_DRIVER:
            text = "the specification was changed: the next attempt follows it, this one not"
            self._recorder.record(found, "SpecChanged", text, warning=False)

    def _cluster_changed(self, before: Object | None, now: Object | None) -> None:
        found = now or before
        assert found is not None
        self._queue.add((CLUSTERS.plural, key_of(found)))

    def _pods_changed(self, label: Key) -> None:
        key = self._labels.get(label)
        if key is not None:
            self._queue.add((APPLICATIONS.plural, key))

    def _reflector(
        self,
        resource: Resource,
        changed: Callable[[Object | None, Object | None], None],
        labels: str = "",
        kept: Callable[[Object], Object] = without_managers,
    ) -> Reflector:
        return Reflector(
            self._kubernetes,
            resource,
            changed,
            namespace=self.settings.namespace,
            labels=labels,
            kept=kept,
        )
