"""Archives what has finished and deletes what has been there for long enough.

It looks at what is there and needs to remember nothing: whatever a sweep left undone the next one
does, and several gateways may sweep at once.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from spark_platform.gateway.admission import PLACED
from spark_platform.gateway.archive import Archive
from spark_platform.gateway.audit import Audit, Deed
from spark_platform.gateway.clusters import Member
from spark_platform.gateway.deletions import Deletion
from spark_platform.gateway.finished import Keeping, Step, decide, finished
from spark_platform.gateway.placements import Placements
from spark_platform.identity import Caller
from spark_platform.kernel.errors import Conflict, NotFound, PlatformError
from spark_platform.kernel.kubernetes.resources import key_of
from spark_platform.model import DOMAIN

__all__ = ["Sweeper"]

_LOG = logging.getLogger(__name__)
_USER = "spark-gateway"
_AT_ONCE = 8


class Sweeper:
    """One of any number.

    Args:
        clusters: by name; they stay the caller's.
        placements, archive, audit: what is kept; they too.
        keeping: how long.
        now: the time.
    """

    def __init__(
        self,
        clusters: Mapping[str, Member],
        placements: Placements,
        archive: Archive,
        audit: Audit,
        keeping: Keeping,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._clusters, self._placements = dict(clusters), placements
        self._archive, self._audit = archive, audit
        self._keeping, self._now = keeping, now

    def sweep(self) -> None:
        """Do what is due on every cluster that answers; the others are for the next time."""
        with ThreadPoolExecutor(_AT_ONCE, "sweep") as pool:
            list(pool.map(self._tried, self._clusters))
        self._archive.forget(self._now() - timedelta(seconds=self._keeping.archive_s))

    def _tried(self, cluster: str) -> None:
        try:
            self._sweep(cluster)
        except PlatformError as error:
            _LOG.warning("sweeping %s: %s", cluster, error.message)

    def _sweep(self, cluster: str) -> None:
        # of those that were made here each has the label
        found, _ = self._clusters[cluster].list(labels=DOMAIN)
        ended = list(finished(found))
        uids = (each.application["metadata"]["uid"] for each in ended)
        for step in decide(self._now(), ended, self._archive.versions(uids), self._keeping):
            try:
                self._do(cluster, step)
            except PlatformError as error:
                # the others are not to wait for one that cannot be deleted
                told = (cluster, *key_of(step.application), error.message)
                _LOG.warning("sweeping %s: %s/%s: %s", *told)

    def _do(self, cluster: str, step: Step) -> None:
        found = step.application
        placed_at = found["metadata"]["annotations"][PLACED]
        placement = self._placements.find(*key_of(found))
        if placement is None or (placement.stamp, placement.cluster) != (placed_at, cluster):
            # of another gateway, which knows its own times
            return
        if step.archive:
            # whoever made it may have ended before it could say so, and once it is deleted it
            # would be made again
            self._placements.made(placement)
            self._archive.keep(cluster, found, placed_at, self._now())
        if step.delete:
            self._delete(cluster, step)

    def _delete(self, cluster: str, step: Step) -> None:
        namespace, name = key_of(step.application)
        metadata = step.application["metadata"]
        caller = Caller(_USER, metadata["labels"][DOMAIN])
        # gone, or another one has its name: both are as they should be
        with (
            contextlib.suppress(NotFound, Conflict),
            self._audit.changing(Deed(caller, "delete", namespace, name)) as told,
        ):
            told.cluster, told.why = cluster, step.why
            self._clusters[cluster].delete(namespace, name, Deletion(metadata["uid"]))
