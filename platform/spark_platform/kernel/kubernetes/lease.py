"""Leader election: of several replicas one acts, the one that holds a Lease.

A leader that cannot renew in time stops acting before the others may begin: it gives up after
``renew_s``, they wait for ``duration_s`` from the last renewal that *they* saw change, by their own
clock, so that clocks need not agree (as client-go's leaderelection does it).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from spark_platform.kernel.errors import Conflict, NotFound, PlatformError
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.resources import Object, Resource

__all__ = ["LEASES", "Election", "LeaseSettings"]

LEASES = Resource("coordination.k8s.io/v1", "leases")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeaseSettings:
    """Which lease, and how long it holds.

    Attributes:
        namespace: where it is.
        name: its name.
        duration_s: after so long without renewal another may take it.
        renew_s: a leader that could not renew for so long stops; less than ``duration_s``.
        retry_s: between two tries.
    """

    namespace: str
    name: str
    duration_s: float = 15.0
    renew_s: float = 10.0
    retry_s: float = 2.0


class Election:
    """One candidate.

    Args:
        kubernetes: where the lease is.
        settings: which, and how long.
        identity: the candidate's own name, like no other's.
        monotonic: seconds that never go back.
        now: the time of day, which only people read.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        settings: LeaseSettings,
        identity: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._kubernetes, self.settings, self.identity = kubernetes, settings, identity
        self._monotonic, self._now = monotonic, now
        self._seen: tuple[Any, Any] | None = None
        self._seen_at = self._renewed_at = float("-inf")
        self._leads = False

    def leads(self) -> bool:
        """Whether it may act now."""
        return self._leads and self._monotonic() - self._renewed_at < self.settings.renew_s

    def attempt(self) -> bool:
        """Take or renew the lease, if that can be; returns whether it leads."""
        asked_at = self._monotonic()
        try:
            self._leads = self._take()
            if self._leads:
                self._renewed_at = asked_at
        except Conflict:
            self._leads = False
        except PlatformError as error:
            # what was renewed lasts for a while
            _LOG.warning("lease %s: %s", self.settings.name, error.message)
        return self.leads()

    def release(self) -> None:
        """Let another take it at once."""
        if not self._leads:
            return
        self._leads = False
        try:
            found = self._kubernetes.get(LEASES, self.settings.namespace, self.settings.name)
            if found["spec"].get("holderIdentity") == self.identity:
                spec = {**found["spec"], "holderIdentity": ""}
                self._kubernetes.replace(LEASES, {**found, "spec": spec})
        except PlatformError as error:
            _LOG.info("lease %s was not released: %s", self.settings.name, error.message)

    def keep(self, stop: threading.Event, on_lead: Callable[[], None]) -> None:
        """Try until it leads, call ``on_lead`` in a thread, renew until ``stop`` or the loss."""
        while not stop.is_set() and not self.attempt():
            stop.wait(self.settings.retry_s)
        if stop.is_set():
            return
        threading.Thread(target=on_lead, name="leader", daemon=True).start()
        while not stop.wait(self.settings.retry_s):
            self.attempt()
            if not self.leads():
                _LOG.error("lease %s is lost", self.settings.name)
                return

    def _take(self) -> bool:
        namespace, name = self.settings.namespace, self.settings.name
        try:
            found = self._kubernetes.get(LEASES, namespace, name)
        except NotFound:
            metadata = {"namespace": namespace, "name": name}
            spec = self._spec({})
            self._kubernetes.create(
                LEASES,
                namespace,
                {
                    "apiVersion": LEASES.group_version,
                    "kind": "Lease",
                    "metadata": metadata,
                    "spec": spec,
                },
            )
            return True
        spec = found.get("spec") or {}
        if not self._free(spec):
            return False
        self._kubernetes.replace(LEASES, {**found, "spec": self._spec(spec)})
        return True

    def _free(self, spec: Object) -> bool:
        holder = spec.get("holderIdentity")
        if not holder or holder == self.identity:
            return True
        seen = (holder, spec.get("renewTime"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._monotonic()
            return False
        lasts_s = spec.get("leaseDurationSeconds") or self.settings.duration_s
        return bool(self._monotonic() - self._seen_at > lasts_s)

    def _spec(self, old: Object) -> dict[str, Any]:
        now = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        changes = old.get("holderIdentity") != self.identity
        return {
            **old,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": round(self.settings.duration_s),
            "renewTime": now,
            "acquireTime": now if changes else old.get("acquireTime", now),
            "leaseTransitions": int(old.get("leaseTransitions") or 0) + bool(old and changes),
        }
