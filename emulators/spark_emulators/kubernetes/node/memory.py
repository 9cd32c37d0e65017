"""Limits of memory, held to by looking: a process needs no rights of its own for that."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["MemoryWatch", "Process", "children", "processes", "resident_bytes"]

_LOOKS_EVERY_S = 0.2
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# of what follows a process's name in its `stat`: proc(5)
_PARENT, _RESIDENT = 1, 21


class Process(NamedTuple):
    """A process, as the kernel tells of it."""

    parent: int
    resident_bytes: int


class MemoryWatch:
    """Tells of processes that are over their limits; all are found in one look at the machine."""

    def __init__(self) -> None:
        self._limits: dict[int, tuple[int, Callable[[], Awaitable[None]]]] = {}
        self._looking: asyncio.Future[None] | None = None

    @contextlib.contextmanager
    def over(
        self, pid: int, limit_bytes: int | None, act: Callable[[], Awaitable[None]]
    ) -> Iterator[None]:
        """Have something done, once, if a process goes over its limit while the block runs.

        Args:
            pid: the process; what counts is all below it.
            limit_bytes: None for any.
        """
        if limit_bytes is not None:
            self._limits[pid] = limit_bytes, act
            if self._looking is None or self._looking.done():
                self._looking = asyncio.ensure_future(self._look())
        try:
            yield
        finally:
            self._limits.pop(pid, None)

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while self._limits:
            found = await asyncio.to_thread(processes)
            below = children(found)
            for pid, (limit, act) in list(self._limits.items()):
                if pid in self._limits and resident_bytes(found, below, pid) > limit:
                    del self._limits[pid]
                    await act()
            await asyncio.sleep(_LOOKS_EVERY_S)


def processes() -> dict[int, Process]:
    """All processes of this machine that may be looked at."""
    found = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        # over by now, or another user's
        with contextlib.suppress(OSError):
            # a name may have spaces and brackets in it
            told = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
            found[int(name)] = Process(int(told[_PARENT]), int(told[_RESIDENT]) * _PAGE_BYTES)
    return found


def children(found: Mapping[int, Process]) -> dict[int, list[int]]:
    """The children of each process that has any. Pure."""
    below = defaultdict(list)
    for each, (parent, _) in found.items():
        below[parent].append(each)
    return dict(below)


def resident_bytes(
    found: Mapping[int, Process], below: Mapping[int, Sequence[int]], pid: int
) -> int:
    """Memory of all below a process. Pure.

    Args:
        below: the ``children`` of what was found.
    """
    total, due = 0, list(below.get(pid, ()))
    while due:
        each = due.pop()
        total += found[each].resident_bytes
        due += below.get(each, ())
    return total
