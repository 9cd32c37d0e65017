"""What becomes of finished applications: archived at once, deleted in time. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from spark_platform.backends.sk8.manifest import TTL
from spark_platform.backends.sk8.status import finished_at
from spark_platform.gateway.admission import PLACED
from spark_platform.kernel.kubernetes.resources import Object, key_of, version_of

__all__ = ["Finished", "Keeping", "Step", "decide", "finished"]

_LOG = logging.getLogger(__name__)
# what is longer is for ever, and no time that can be counted to
_LONGEST_S = 100 * 365 * 86_400


@dataclass(frozen=True)
class Keeping:
    """How long things are kept.

    Attributes:
        ttl_s: seconds that a finished application stays on its cluster where it does not say it
            itself; None for ever.
        archive_s: seconds that it stays in the archive.
    """

    ttl_s: int | None
    archive_s: float


@dataclass(frozen=True)
class Finished:
    """An application that has ended by itself.

    Attributes:
        application: all of it.
        at: when it ended.
    """

    application: Object
    at: datetime


@dataclass(frozen=True)
class Step:
    """What is to be done about an application.

    Attributes:
        application: the one.
        archive: as it is now.
        delete: from its cluster, thereafter.
        why: it is to be deleted.
    """

    application: Object
    archive: bool
    delete: bool = False
    why: str = ""


def finished(applications: Iterable[Object]) -> Iterator[Finished]:
    """Those that have ended, of the ones that the gateway has made; all others are left alone."""
    for each in applications:
        if PLACED not in (each["metadata"].get("annotations") or {}):
            continue
        try:
            ended_at = finished_at(each)
        except (KeyError, ValueError, TypeError) as error:
            # one whose status makes no sense must not keep the others from their end
            _LOG.warning("the status of %s/%s cannot be read: %r", *key_of(each), error)
            continue
        if ended_at is not None:
            yield Finished(each, ended_at)


def decide(
    now: datetime, ended: Iterable[Finished], archived: Mapping[str, int], keeping: Keeping
) -> Iterator[Step]:
    """What is due; what its cluster deletes already is not deleted again.

    Args:
        now: the time.
        ended: the applications that have finished.
        archived: uid → the resource version that is archived.
        keeping: how long things are kept.
    """
    for each in ended:
        metadata = each.application["metadata"]
        archive = archived.get(metadata["uid"], -1) < version_of(each.application)
        ttl_s = _ttl_s(metadata["annotations"].get(TTL, ""), keeping.ttl_s)
        over = ttl_s is not None and now >= each.at + timedelta(seconds=ttl_s)
        due = over and "deletionTimestamp" not in metadata
        if archive or due:
            why = f"it has finished, and its {ttl_s} s are over" if due else ""
            yield Step(each.application, archive, due, why)


def _ttl_s(said: str, default: int | None) -> int | None:
    """An application's own time; the default where it says none, or none that is one."""
    # past the gateway anything may have been written there
    if not said.isdecimal():
        return default
    ttl_s = int(said[:12])
    return ttl_s if ttl_s < _LONGEST_S else None
