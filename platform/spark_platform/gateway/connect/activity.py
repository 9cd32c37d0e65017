"""Which sessions are in use: a driver that nobody uses for long is ended."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from spark_platform.gateway.connect.records import Key

__all__ = ["Activity"]


class Activity:
    """The sessions that this replica has calls of; for one thread."""

    def __init__(self) -> None:
        self._calls: Counter[Key] = Counter()
        self._recent: set[Key] = set()

    @contextlib.contextmanager
    def of(self, key: Key) -> Iterator[None]:
        """A session has a call while the block runs."""
        self._calls[key] += 1
        self._recent.add(key)
        try:
            yield
        finally:
            self._calls[key] -= 1
            if not self._calls[key]:
                del self._calls[key]

    def taken(self) -> set[Key]:
        """The sessions used since this was asked last; those of open calls are in use still."""
        recent, self._recent = self._recent, set()
        return recent | set(self._calls)
