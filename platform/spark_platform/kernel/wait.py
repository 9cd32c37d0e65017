"""The one way to wait: poll a condition until it holds or a deadline passes.

Every wait of the project ends, and says what it waited for when it does not succeed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from spark_platform.kernel.errors import TimedOut

__all__ = ["Clock", "NotYet", "SystemClock", "poll"]

T = TypeVar("T")


class NotYet(Exception):
    """Raised by a polled check: the condition does not hold yet, and this is why."""


class Clock(Protocol):
    """Time as a dependency, so tests of waits do not wait."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def poll(
    check: Callable[[], T],
    *,
    what: str,
    timeout_s: float,
    interval_s: float = 0.05,
    clock: Clock | None = None,
    hint: str = "",
) -> T:
    """Call ``check`` until it returns instead of raising ``NotYet``.

    Args:
        check: returns the awaited value; raises ``NotYet`` with the reason it cannot. Any other
            exception ends the wait at once.
        what: what is awaited, for the error ("spark-connect to answer").
        timeout_s: seconds until giving up; the check runs at least once.
        interval_s: seconds between two checks.
        hint: what the user can do when time runs out.

    Raises:
        TimedOut: names what was awaited, for how long, and the last reason.
    """
    clock = clock or SystemClock()
    deadline = clock.monotonic() + timeout_s
    while True:
        try:
            return check()
        except NotYet as not_yet:
            left_s = deadline - clock.monotonic()
            if left_s <= 0:
                raise TimedOut(
                    f"gave up after {timeout_s:g} s waiting for {what}: {not_yet}", hint=hint
                ) from not_yet
            clock.sleep(min(interval_s, left_s))
