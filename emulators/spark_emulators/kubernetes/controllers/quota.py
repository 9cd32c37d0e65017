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
        if key.resource == "resourcequotas" or change.type == DELETED:
            self._check.add(key.namespace)
        elif change.type == MODIFIED and change.before is not None:
            if usage(change.now.value, key.resource) != usage(change.before.value, key.resource):
                self._check.add(key.namespace)

    def work(self) -> None:
        check, self._check = self._check, set()
        for namespace in check:
            for quota in self._context.store.list("resourcequotas", namespace):
                value = recount(self._context, quota)
                if value is not None:
                    self._context.store.put(quota.key, value)
