"""Events: what a component did to an object, for people who ask."""

from __future__ import annotations

import uuid

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import Object

__all__ = ["Recorder"]


class Recorder:
    """Writes events of one component.

    Args:
        cluster: where.
        component: who writes, such as ``kubelet``.
        host: the node it is on, if it is on one.
    """

    def __init__(self, cluster: Cluster, component: str, host: str = "") -> None:
        self._cluster = cluster
        self._component = component
        self._host = host
        self._muted = False

    def mute(self) -> None:
        """Write no more: the component is gone."""
        self._muted = True

    def normal(self, value: Object, reason: str, message: str, field: str = "") -> None:
        """Something went as it should."""
        self._record(value, "Normal", reason, message, field)

    def warning(self, value: Object, reason: str, message: str, field: str = "") -> None:
        """Something went wrong."""
        self._record(value, "Warning", reason, message, field)

    def _record(self, value: Object, kind: str, reason: str, message: str, field: str) -> None:
        if self._muted:
            return
        metadata, context = value["metadata"], self._cluster.context
        now = context.timestamp()
        source = {"component": self._component, **({"host": self._host} if self._host else {})}
        event = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {
                "name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata.get("namespace") or "default",
            },
            "involvedObject": {
                "kind": value["kind"],
                "apiVersion": value["apiVersion"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                **({"namespace": metadata["namespace"]} if "namespace" in metadata else {}),
                **({"fieldPath": field} if field else {}),
            },
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
        try:
            self._cluster.create(event)
        except ApiError as error:
            # a namespace that is going takes no events
            if error.code not in (403, 404, 409):
                raise
