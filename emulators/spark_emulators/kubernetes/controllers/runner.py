"""Runs controllers: each change is shown to each, then each does what it has to do.

Controllers are level-triggered: what they do follows from the store, and a change only says where
to look. At the start everything there is counts as changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.store.store import ADDED, Change

__all__ = ["Controller", "Controllers"]

_LOG = logging.getLogger(__name__)
_MOST_ROUNDS = 1000


class Controller(Protocol):
    """One controller."""

    def observe(self, change: Change) -> None:
        """Note what to look at because of ``change``; writes nothing."""

    def work(self) -> None:
        """Look at what was noted, and act."""


class Controllers:
    """All controllers of one cluster.

    Args:
        cluster: whose.
        controllers: in the order they work.
    """

    def __init__(self, cluster: Cluster, controllers: Iterable[Controller]) -> None:
        self._store = cluster.context.store
        self._controllers = tuple(controllers)
        self._cursor = self._store.revision
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        self._end = self._store.subscribe("", self._notice)
        for resource in self._store.resources():
            for stored in self._store.list(resource):
                self._show(Change(stored.revision, ADDED, stored, None))

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on ``loop`` from now on."""
        self._loop = loop
        self._notice()

    def stop(self) -> None:
        """Work no more."""
        self._end()
        self._loop = None

    def settle(self) -> None:
        """Work until nothing is left to do."""
        for _ in range(_MOST_ROUNDS):
            before = self._store.revision
            self._round()
            if self._store.revision == before:
                return
        _LOG.error("the controllers do not come to rest")

    def _notice(self) -> None:
        if self._loop is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        before = self._store.revision
        self._round()
        if self._store.revision != before:
            self._notice()

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
