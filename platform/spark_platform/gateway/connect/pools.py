"""How many drivers a pool starts and ends. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from spark_platform.gateway.connect.records import Driver, DriverState
from spark_platform.model import Executors, JobKind, JobSpec, Observation, Size

__all__ = ["POOL", "Plan", "Pool", "Pools", "advance", "plan"]

POOL = "spark-platform/pool"
"""The label of a pool's drivers."""

_HOPELESS_S = 300.0
_FIRST_WAIT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The drivers of a domain.

    Attributes:
        image, spark_version: what they start from.
        conf, secrets: as of any job.
        driver, executors: their sizes.
        service_account: as whom they run.
        size: so many are kept warm.
        most: so many there are at most, those that are somebody's included.
        idle_s: seconds without use after which one that is somebody's is ended.
        oldest_s: seconds after which one that is nobody's is replaced: a long-lived server keeps
            ever more memory.
        starts_within_s: seconds until one must answer.
    """

    image: str
    spark_version: str
    conf: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    driver: Size = field(default_factory=Size)
    executors: Executors = field(default_factory=Executors)
    service_account: str = "spark"
    size: int = 1
    most: int = 10
    idle_s: float = 1800.0
    oldest_s: float = 86400.0
    starts_within_s: float = 300.0

    def job(self, name: str) -> JobSpec:
        """One of its drivers as a job."""
        return JobSpec(
            name=name,
            image=self.image,
            spark_version=self.spark_version,
            kind=JobKind.CONNECT,
            conf=self.conf,
            secrets=self.secrets,
            driver=self.driver,
            executors=self.executors,
            service_account=self.service_account,
        )

    @property
    def fingerprint(self) -> str:
        """Of all that makes a driver: one that was made from something else is no hit."""
        job = self.job("pool")
        text = f"{job.digest} {self.image} {self.spark_version}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Pools:
    """The pools there are.

    Attributes:
        named: by domain.
        others: of each other domain, from its first session on; None where they have none.
    """

    named: Mapping[str, Pool] = field(default_factory=dict)
    others: Pool | None = None

    def of(self, domain: str) -> Pool | None:
        """The pool of a domain."""
        return self.named.get(domain, self.others)

    @property
    def longest_start_s(self) -> float:
        """How long a driver of any of them may take until it answers, in seconds."""
        every = (*self.named.values(), *((self.others,) if self.others else ()))
        return max((each.starts_within_s for each in every), default=0.0)


@dataclass(frozen=True)
class Plan:
    """What is to be done for a pool.

    Attributes:
        start: so many drivers.
        end: the names of those that go.
    """

    start: int = 0
    end: tuple[str, ...] = ()


def advance(driver: Driver, seen: Observation | None, pool: Pool, now: datetime) -> DriverState:
    """The state that a driver comes to.

    Args:
        seen: what its cluster has of it; None for nothing.
    """
    gone = seen is not None and (seen.state.ended or seen.cancelling)
    if driver.state is DriverState.STARTING:
        late = now - driver.created_at > timedelta(seconds=pool.starts_within_s)
        if gone or late:
            return DriverState.FAILED
        return DriverState.WARM if seen is not None and seen.connect else DriverState.STARTING
    if driver.state in (DriverState.WARM, DriverState.CLAIMED):
        # one that is not ready for a moment is not dead
        return DriverState.FAILED if gone or seen is None else driver.state
    return driver.state


def plan(pool: Pool, drivers: Sequence[Driver], waiting: int, now: datetime) -> Plan:
    """What is to be done, so that enough drivers are warm.

    Args:
        drivers: of the pool, all that are known.
        waiting: so many clients wait for one.
    """
    ends = tuple(each.name for each in drivers if _goes(each, pool, now))
    left = [each for each in drivers if each.name not in ends]
    alive = [each for each in left if each.state is not DriverState.FAILED]
    free = [each for each in alive if each.state in (DriverState.STARTING, DriverState.WARM)]
    room = pool.most - len([each for each in alive if each.state is not DriverState.ENDING])
    wanted = min(pool.size + waiting - len(free), room)
    return Plan(max(0, wanted) if _hopeful(drivers, now) else 0, ends)


def _goes(driver: Driver, pool: Pool, now: datetime) -> bool:
    unused_s = (now - driver.seen_at).total_seconds()
    if driver.state is DriverState.FAILED:
        return unused_s > 2 * _HOPELESS_S
    if driver.state is DriverState.CLAIMED:
        return unused_s > pool.idle_s
    if driver.state is DriverState.ENDING:
        return False
    old = (now - driver.created_at).total_seconds() > pool.oldest_s
    return old or driver.fingerprint != pool.fingerprint


def _hopeful(drivers: Sequence[Driver], now: datetime) -> bool:
    """Whether another is worth a try: after each failure in a row twice as much later."""
    failed = [each.seen_at for each in drivers if each.state is DriverState.FAILED]
    came = [
        each.seen_at for each in drivers if each.state in (DriverState.WARM, DriverState.CLAIMED)
    ]
    since = max(came, default=None)
    row = [at for at in failed if since is None or at > since]
    if not row:
        return True
    wait_s = min(_FIRST_WAIT_S * 2 ** min(len(row), 20), _HOPELESS_S)
    return now - max(row) >= timedelta(seconds=wait_s)
