"""Keeps quotas' status right when objects go or change by themselves."""

from __future__ import annotations

from spark_emulators.kubernetes.api.admission.quota import recount, usage
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.store.store import DELETED, MODIFIED, Change

__all__ = ["QuotaController"]


class QuotaController:
    """See the module."""

    def __init__(self, cluster: Cluster) -> None:
        self._context = cluster.context
        self._check: set[str] = set()

    def observe(self, change: Change) -> None:
        key = change.now.key
        if not key.namespace:
            return
        if (
            key.resource == "resourcequotas"
            or change.type == DELETED
            or (change.type == MODIFIED and _changed(change))
        ):
            self._check.add(key.namespace)

    def work(self) -> None:
        check, self._check = self._check, set()
        for namespace in check:
            for quota in self._context.store.list("resourcequotas", namespace):
                value = recount(self._context, quota)
                if value is not None:
                    self._context.store.put(quota.key, value)


def _changed(change: Change) -> bool:
    resource = change.now.key.resource
    before = usage(change.before.value, resource) if change.before else {}
    return usage(change.now.value, resource) != before
