"""Every call that a part makes of others is a point at which it may be killed, before or after.

What a process had in memory is lost with it, what it called has happened or has not, and what comes
after finds only that. So a kill at each such point is a kill at each step there is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """Nothing of a process runs after this, as after kill -9."""


class Mortal:
    """Calls of an object that may be the last ones, before or after they are done.

    Args:
        real: the object.
        name: what it is called where ``reached`` is told.
        reached: told of each point; raises ``Killed`` where it is the end.
    """

    def __init__(self, real: Any, name: str, reached: Callable[[str], None]) -> None:
        self._real, self._name, self._reached = real, name, reached

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            self._reached(f"before {self._name}.{name}")
            answer = value(*arguments, **options)
            self._reached(f"after {self._name}.{name}")
            return answer

        return call


class Fault:
    """One kill, at the n-th point of what is ``mortal``.

    Attributes:
        number: n, from 0.
        happened: whether it came to that.
        where: the call, and whether it was made.
    """

    def __init__(self, number: int) -> None:
        self.number = self._left = number
        self.happened = False
        self.where = ""

    def mortal(self, real: Any, name: str) -> Any:
        """The same object, whose callers may be killed."""
        return Mortal(real, name, self.reached)

    def reached(self, where: str) -> None:
        """A point."""
        if self.happened:
            # what is left of a process that was killed
            raise Killed
        self._left -= 1
        if self._left < 0:
            self.happened, self.where = True, where
            raise Killed


def at_every_point(scenario: Callable[[Fault], None]) -> list[str]:
    """Run a scenario once for each point that it has; returns where it was killed.

    Args:
        scenario: told of its one kill; starts from nothing, and ends as if it had not been.
    """
    found = []
    for number in itertools.count():
        fault = Fault(number)
        scenario(fault)
        if not fault.happened:
            return found
        found.append(fault.where)
    raise AssertionError("unreachable")
