"""What a controller has to look at: each key once, by one worker at a time, now or at a time."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["WorkQueue"]

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """Keys to look at.

    A key that is added while a worker has it comes again when that is done with it; one that is
    added twice comes once.

    Args:
        monotonic: seconds that never go back; whoever turns it calls ``wake``.
        backoff_s: after a key's first failure; doubled at each, up to ``most_s``.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        backoff_s: float = 0.05,
        most_s: float = 60.0,
    ) -> None:
        self._monotonic, self._backoff_s, self._most_s = monotonic, backoff_s, most_s
        self._condition = threading.Condition()
        self._ready: dict[K, None] = {}
        self._busy: set[K] = set()
        self._again: set[K] = set()
        self._due: list[tuple[float, int, K]] = []
        # of each key that waits for its time: when
        self._when: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._count = 0
        self._closed = False

    def add(self, key: K) -> None:
        """Look at a key soon."""
        with self._condition:
            self._add(key)

    def add_after(self, key: K, delay_s: float) -> None:
        """Look at a key when so many seconds have passed; the earliest time given counts."""
        with self._condition:
            when = self._monotonic() + max(delay_s, 0.0)
            if self._when.get(key, float("inf")) <= when:
                return
            self._when[key] = when
            self._count += 1
            heapq.heappush(self._due, (when, self._count, key))
            self._condition.notify()

    def failed(self, key: K, at_least_s: float = 0.0) -> float:
        """Look at a key again, later with each failure; returns the seconds until then."""
        with self._condition:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
        delay_s = max(min(self._backoff_s * 2.0 ** min(count, 30), self._most_s), at_least_s)
        self.add_after(key, delay_s)
        return delay_s

    def forget(self, key: K) -> None:
        """It went well: the next failure is the first."""
        with self._condition:
            self._failures.pop(key, None)

    def get(self, *, wait: bool = True) -> K | None:
        """A key to look at, which is the caller's until ``done``.

        Args:
            wait: until there is one; otherwise None where there is none now.

        Returns:
            None when the queue is closed.
        """
        with self._condition:
            while not self._closed:
                next_s = self._collect()
                if self._ready:
                    key = next(iter(self._ready))
                    del self._ready[key]
                    self._busy.add(key)
                    return key
                if not wait:
                    return None
                self._condition.wait(next_s)
            return None

    def done(self, key: K) -> None:
        """The caller has looked."""
        with self._condition:
            self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._add(key)

    def next_due_s(self) -> float | None:
        """Seconds until something waits for a worker: 0 if something does, None for never."""
        with self._condition:
            next_s = self._collect()
            return 0.0 if self._ready else next_s

    def wake(self) -> None:
        """The clock was turned."""
        with self._condition:
            self._condition.notify_all()

    def close(self) -> None:
        """Hand out nothing any more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _add(self, key: K) -> None:
        if key in self._busy:
            self._again.add(key)
        elif key not in self._ready:
            self._ready[key] = None
            self._condition.notify()

    def _collect(self) -> float | None:
        """Make ready what is due; returns the seconds until the next is."""
        now = self._monotonic()
        while self._due and self._due[0][0] <= now:
            when, _, key = heapq.heappop(self._due)
            if self._when.get(key) == when:
                del self._when[key]
                self._add(key)
        return max(self._due[0][0] - now, 0.0) if self._due else None
