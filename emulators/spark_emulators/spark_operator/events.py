"""Events: what people see under ``kubectl describe``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.resources import Object, Resource

__all__ = ["Recorder"]

EVENTS = Resource("v1", "events")
_LOG = logging.getLogger(__name__)
_MOST_TEXT = 1024
_MOST_NAME = 230


class Recorder:
    """Writes events about objects; one that cannot be written is only logged.

    Args:
        kubernetes: where they go.
        component: who says it.
        now: the time.
    """

    def __init__(self, kubernetes: Kubernetes, component: str, now: Callable[[], datetime]) -> None:
        self._kubernetes, self._component, self._now = kubernetes, component, now

    def record(self, about: Object, reason: str, message: str, *, warning: bool) -> None:
        """Say something about an object."""
        metadata = about["metadata"]
        when = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name'][:_MOST_NAME]}."},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "reason": reason,
            "message": message[:_MOST_TEXT],
            "type": "Warning" if warning else "Normal",
            "source": {"component": self._component},
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }
        try:
            self._kubernetes.create(EVENTS, metadata["namespace"], event)
        except PlatformError as error:
            _LOG.info("an event about %s was not written: %s", metadata["name"], error.message)
