"""Keeps pools at their sizes: looks, decides, acts, again and again, whatever happened before."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

from spark_platform.gateway.connect.drivers import Drivers
from spark_platform.gateway.connect.pools import Plan, Pool, Pools, advance, plan
from spark_platform.gateway.connect.records import Driver, DriverState, Place
from spark_platform.gateway.connect.store import Store
from spark_platform.kernel.errors import PlatformError
from spark_platform.model import Observation

__all__ = ["Keeper"]

_LOG = logging.getLogger(__name__)
_STEADY_S = 5.0
_BUSY_S = 0.2
_SWEEPS_EVERY = timedelta(minutes=10)
_OVER_KEPT = timedelta(days=1)


class Keeper:
    """The pools of all domains; each replica of the gateway has one, and they do not disturb.

    Args:
        store: where the drivers are written down.
        drivers: the way to them.
        pools: of domains.
        warm_up: asks a driver for what the first query would else wait for.
        now: the time.
    """

    def __init__(
        self,
        store: Store,
        drivers: Drivers,
        pools: Pools,
        warm_up: Callable[[str, Place], None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store, self._drivers, self._pools = store, drivers, pools
        self._warm_up, self._now = warm_up, now
        self._waiting: Counter[str] = Counter()
        self._woken = threading.Event()
        self._swept_at = now()
        self._asked: set[str] = set()

    @contextlib.contextmanager
    def waiting(self, domain: str) -> Iterator[None]:
        """Somebody waits for a driver while the block runs."""
        self._waiting[domain] += 1
        self._woken.set()
        try:
            yield
        finally:
            self._waiting[domain] -= 1

    def wake(self, _domain: str = "") -> None:
        """Look now."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; ``wake`` ends a pause."""
        while not stop.is_set():
            self._woken.clear()
            busy = False
            self._sweep()
            for domain in self._domains():
                try:
                    busy |= self.look(domain)
                except PlatformError as error:
                    _LOG.warning("the drivers of %s: %s", domain, error.message)
                except Exception:
                    _LOG.exception("the drivers of %s", domain)
            self._woken.wait(_BUSY_S if busy else _STEADY_S)

    def look(self, domain: str) -> bool:
        """Bring a pool one step on; whether something is under way.

        Raises:
            Transient: a cluster or the database does not answer.
        """
        pool = self._pools.of(domain)
        if pool is None:
            return False
        # in this order: whatever is written down as there, its cluster must have
        known, seen = self._store.drivers(domain), self._drivers.seen(domain)
        for each in known:
            try:
                self._advance(each, seen.get(each.name), pool)
            except PlatformError as error:
                # the others are to go on; this one has until it is late
                _LOG.warning("driver %s of %s: %s", each.name, domain, error.message)
        drivers = self._store.drivers(domain)
        due = self._plan(domain, pool, drivers)
        if due.start:
            # how many is decided again where no other replica decides it at the same time
            self._store.reserve(domain, lambda now: self._added(domain, pool, now))
        for each in drivers:
            if each.name in due.end:
                self._store.turn(each, DriverState.ENDING)
        moving = (DriverState.STARTING, DriverState.ENDING)
        return bool(due.start or due.end) or any(each.state in moving for each in drivers)

    def _domains(self) -> set[str]:
        """Those that have a pool by name, and those that ever asked for a driver."""
        with contextlib.suppress(PlatformError):
            self._asked = self._store.domains()
        return {*self._pools.named, *self._asked}

    def _sweep(self) -> None:
        now = self._now()
        if now - self._swept_at > _SWEEPS_EVERY:
            with contextlib.suppress(PlatformError):
                self._store.sweep(now - _OVER_KEPT)
                self._swept_at = now

    def _advance(self, driver: Driver, seen: Observation | None, pool: Pool) -> None:
        if driver.state is DriverState.ENDING:
            if seen is None:
                self._store.drop(driver)
            elif not seen.cancelling:
                self._drivers.end(driver.domain, driver.name)
            return
        state = advance(driver, seen, pool, self._now())
        if state is driver.state:
            if state is DriverState.STARTING and seen is None:
                # written down, and then this may have been killed
                self._drivers.start(driver.domain, pool.job(driver.name))
            return
        place = None
        if state is DriverState.WARM:
            place = self._drivers.place(driver.domain, driver.name)
            self._warm_up(driver.domain, place)
        if state is DriverState.FAILED:
            reason = seen.reason if seen is not None else "it is gone"
            _LOG.warning("driver %s of %s failed: %s", driver.name, driver.domain, reason)
        self._store.turn(driver, state, place)

    def _plan(self, domain: str, pool: Pool, drivers: list[Driver]) -> Plan:
        return plan(pool, drivers, self._waiting[domain], self._now())

    def _added(self, domain: str, pool: Pool, drivers: list[Driver]) -> Iterator[Driver]:
        now = self._now()
        for _ in range(self._plan(domain, pool, drivers).start):
            yield Driver(
                name=f"connect-{secrets.token_hex(6)}",
                domain=domain,
                fingerprint=pool.fingerprint,
                state=DriverState.STARTING,
                created_at=now,
                seen_at=now,
            )
