"""The controller revisions of a workload: one for each template it has had."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.reconciler import (
    MANAGER,
    controller_reference,
)
from spark_emulators.kubernetes.controllers.workloads.revisions import hash_of
from spark_emulators.kubernetes.store.store import Object

__all__ = ["History"]


class History:
    """See the module.

    Args:
        cluster: whose.
        revisions: by their owners.
        change: merges a body into an object.
        remove: deletes one.
        label: what says the template's hash.
    """

    def __init__(
        self, cluster: Cluster, revisions: Owned,
        change: Callable[[Object, dict[str, Any]], Object], remove: Callable[[Object], None],
        label: str = "controller.kubernetes.io/hash",
    ) -> None:  # fmt: skip
        self._cluster = cluster
        self._revisions = revisions
        self._change = change
        self._remove = remove
        self._label = label

    def of(self, owner: Object) -> list[Object]:
        """Those of a workload, oldest first."""
        found = self._revisions.of(owner["metadata"]["uid"])
        return sorted(found, key=lambda each: int(each["revision"]))

    def newest(self, owner: Object) -> Object:
        """The revision of the template, made or brought to the end of the history."""
        history = self.of(owner)
        number = int(history[-1]["revision"]) + 1 if history else 1
        template = {**copy(owner["spec"]["template"]), "$patch": "replace"}
        same = [each for each in history if each["data"]["spec"]["template"] == template]
        if same:
            last = same[-1]
            return last if last is history[-1] else self._change(last, {"revision": number})
        mark, metadata = hash_of(template), owner["metadata"]
        labels = owner["spec"]["template"]["metadata"].get("labels") or {}
        return self._cluster.create(
            {
                "apiVersion": "apps/v1",
                "kind": "ControllerRevision",
                "metadata": {
                    "name": f"{metadata['name']}-{mark}",
                    "namespace": metadata["namespace"],
                    "labels": {**labels, self._label: mark},
                    "ownerReferences": [controller_reference(owner)],
                },
                "data": {"spec": {"template": template}},
                "revision": number,
            },
            MANAGER,
        )

    def forget(self, owner: Object, used: Iterable[str]) -> None:
        """Delete revisions beyond the limit, but for those whose names are ``used``."""
        live = set(used)
        idle = [each for each in self.of(owner) if each["metadata"]["name"] not in live]
        limit = owner["spec"].get("revisionHistoryLimit", 10)
        for each in idle[: max(0, len(idle) - limit)]:
            self._remove(each)
