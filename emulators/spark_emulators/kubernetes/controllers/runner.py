"""Runs controllers: each change is shown to each, then each does what it has to do.

Controllers are level-triggered: what they do follows from the store, and a change only says where
to look. At the start everything there is counts as changed. What has to be done at a time, a
controller says by ``next_due``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.store.store import ADDED, Change

__all__ = ["Controller", "Controllers", "Timed"]

_LOG = logging.getLogger(__name__)
_MOST_ROUNDS = 1000


class Controller(Protocol):
    """One controller."""

    def observe(self, change: Change) -> None:
        """Note what to look at because of ``change``; writes nothing."""

    def work(self) -> None:
        """Look at what was noted, and act."""


@runtime_checkable
class Timed(Protocol):
    """A controller that has to work at a time, whether or not anything changes."""

    def next_due(self) -> float | None:
        """When, in seconds of the cluster's clock; None while nothing waits for its time."""


class Controllers:
    """All controllers of one cluster.

    Args:
        cluster: whose.
        controllers: in the order they work.
    """

    def __init__(self, cluster: Cluster, controllers: Iterable[Controller]) -> None:
        self._store = cluster.context.store
        self._now = cluster.context.now
        self._controllers = tuple(controllers)
        self._cursor = self._store.revision
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        self._alarm: asyncio.TimerHandle | None = None
        self._end = self._store.subscribe("", self.notice)
        for resource in self._store.resources():
            for stored in self._store.list(resource):
                self._show(Change(stored.revision, ADDED, stored, None))

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on ``loop`` from now on."""
        self._loop = loop
        self.notice()

    def stop(self) -> None:
        """Work no more."""
        self._end()
        self._loop = None
        self._silence()

    def settle(self) -> None:
        """Work until nothing is left to do now; what is due later waits for the clock."""
        for _ in range(_MOST_ROUNDS):
            before = self._store.revision
            self._round()
            if self._store.revision == before:
                return
        _LOG.error("the controllers do not come to rest")

    def notice(self) -> None:
        """There is something to do, or the clock was turned: work soon."""
        if self._loop is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._loop is None:
            return
        before = self._store.revision
        self._round()
        if self._store.revision != before:
            self.notice()
        else:
            self._set_alarm()

    def _set_alarm(self) -> None:
        """Work again when the first of what waits for its time is due."""
        self._silence()
        due = [each.next_due() for each in self._controllers if isinstance(each, Timed)]
        times = [each for each in due if each is not None]
        if times and self._loop is not None:
            delay_s = max(0.0, min(times) - self._now())
            self._alarm = self._loop.call_later(delay_s, self.notice)

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _round(self) -> None:
        for change in self._store.changes("", self._cursor):
            self._cursor = change.revision
            self._show(change)
        for controller in self._controllers:
            try:
                controller.work()
            except Exception:
                _LOG.exception("%s", type(controller).__name__)

    def _show(self, change: Change) -> None:
        for controller in self._controllers:
            controller.observe(change)
