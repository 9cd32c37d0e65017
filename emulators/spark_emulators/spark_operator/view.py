"""What the operator knows of the pods of applications, from the watch of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from spark_emulators.spark_operator.driver.names import APP_LABEL
from spark_emulators.spark_operator.observation import Seen, is_ready
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes
from spark_platform.kernel.kubernetes.resources import Key, Object, key_of, version_of

__all__ = ["PodView", "Pods", "judged_part", "owned_by", "without_managers"]

_MOST_GONE = 1000


class Pods(Protocol):
    """Answers what there is of an attempt."""

    def seen(self, namespace: str, driver: str, app_id: str, uid: str, *, certain: bool) -> Seen:
        """What there is of an attempt.

        Args:
            driver: the name of its driver's pod.
            app_id: ``spark.app.id``.
            uid: of the application, the pod's owner.
            certain: ask the API server about a driver that is not known.
        """

    def assume(self, pod: Object) -> None:
        """Know a driver that was just made."""


class PodView:
    """Pods by attempt, kept by ``changed``; ``Pods`` for the reconciler.

    A driver that went is remembered as it was last seen: it may have succeeded just before.

    Args:
        kubernetes: asked only about a driver that nobody has seen.
        notify: told the application whose pods changed, as namespace and label.
    """

    def __init__(self, kubernetes: Kubernetes, notify: Callable[[Key], None]) -> None:
        self._kubernetes, self._notify = kubernetes, notify
        self._lock = threading.Lock()
        self._drivers: dict[Key, Object] = {}
        self._gone: OrderedDict[Key, Object] = OrderedDict()
        # of each attempt: its executors' names, and whether they are ready
        self._executors: dict[Key, dict[str, bool]] = {}

    def changed(self, before: Object | None, now: Object | None) -> None:
        """Take in a change of a pod."""
        pod = now or before
        assert pod is not None
        if now is None:
            # as the watch hands it over
            pod = judged_part(pod)
        if _label(pod, "spark-role") == "driver":
            self._driver_changed(pod, gone=now is None)
        elif not self._executor_changed(pod, gone=now is None):
            return
        namespace, _ = key_of(pod)
        self._notify((namespace, _label(pod, APP_LABEL)))

    def assume(self, pod: Object) -> None:
        self._driver_changed(judged_part(pod), gone=False)

    def seen(self, namespace: str, driver: str, app_id: str, uid: str, *, certain: bool) -> Seen:
        with self._lock:
            pod = self._drivers.get((namespace, driver))
            last = self._gone.get((namespace, driver))
            ready = list(self._executors.get((namespace, app_id), {}).values())
        counts = sum(ready), len(ready)
        if pod is not None and owned_by(pod, uid):
            return Seen(pod, False, *counts)
        if last is not None and owned_by(last, uid):
            return Seen(last, True, *counts)
        if certain:
            try:
                found = self._kubernetes.get(PODS, namespace, driver)
            except NotFound:
                return Seen(None, True, *counts)
            if owned_by(found, uid):
                return Seen(found, False, *counts)
        return Seen(None, True, *counts)

    def _driver_changed(self, pod: Object, *, gone: bool) -> None:
        key = key_of(pod)
        with self._lock:
            if gone:
                self._drivers.pop(key, None)
                self._gone[key] = pod
                if len(self._gone) > _MOST_GONE:
                    self._gone.popitem(last=False)
                return
            known = self._drivers.get(key) or self._gone.get(key)
            if known is None or version_of(known) < version_of(pod):
                self._drivers[key] = pod
                self._gone.pop(key, None)

    def _executor_changed(self, pod: Object, *, gone: bool) -> bool:
        """Whether the number of executors, or of those that are ready, is another now."""
        namespace, name = key_of(pod)
        key = namespace, _label(pod, "spark-app-selector")
        with self._lock:
            known = self._executors.setdefault(key, {})
            before = known.get(name)
            if gone:
                known.pop(name, None)
                if not known:
                    del self._executors[key]
                return before is not None
            known[name] = is_ready(pod)
            return known[name] != before


def without_managers(found: Object) -> Object:
    """An object without its field managers, which are as large as all the rest."""
    metadata = {key: each for key, each in found["metadata"].items() if key != "managedFields"}
    return {**found, "metadata": metadata}


def judged_part(pod: Object) -> Object:
    """What of a pod tells how it is with it: thousands of them are known at a time."""
    kept = without_managers(pod)
    return {"metadata": kept["metadata"], "status": kept.get("status") or {}}


def owned_by(found: Mapping[str, Any], uid: str) -> bool:
    """Whether an object's owners include the one with a uid."""
    owners = found["metadata"].get("ownerReferences") or ()
    return any(each["uid"] == uid for each in owners)


def _label(pod: Object, name: str) -> str:
    return str((pod["metadata"].get("labels") or {}).get(name, ""))
