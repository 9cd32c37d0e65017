"""Faults: what goes wrong between a client and the catalog, on purpose.

A rule says which requests, and what becomes of them. Rules are kept and counted here; the wire asks
before it answers.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

from pydantic import Field

__all__ = ["Faults", "Rule"]


@dataclass(frozen=True)
class Rule:
    """One fault.

    Attributes:
        effect: ``refuse``: answer with an error. ``delay``: answer later.
        methods: of which requests; empty for all.
        path: a pattern of their paths (``*`` stands for slashes, too); empty for all.
        times: how many requests it hits; None for all, until it is taken back.
        code: of ``refuse``: the HTTP status. 409 on a commit is a conflict, which clients retry;
            401 an expired token.
        message: of ``refuse``: instead of the usual text.
        delay_s: of ``delay``.
    """

    # pydantic reads rules that come from outside
    __pydantic_config__: ClassVar = {"extra": "forbid"}

    effect: Literal["refuse", "delay"]
    methods: tuple[str, ...] = ()
    path: str = ""
    times: Annotated[int, Field(ge=1)] | None = None
    code: Annotated[int, Field(ge=400, le=599)] = 500
    message: str = ""
    delay_s: Annotated[float, Field(ge=0, le=600)] = 0.0

    def means(self, method: str, path: str) -> bool:
        """Whether it is about this request."""
        return (not self.methods or method in self.methods) and (
            not self.path or fnmatchcase(path, self.path)
        )


@dataclass
class _Kept:
    rule: Rule
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.hits >= self.rule.times


class Faults:
    """The rules of one server."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> int:
        """Have things go wrong from now on; returns the rule's number."""
        with self._lock:
            number = next(self._numbers)
            self._kept[number] = _Kept(rule)
            return number

    def remove(self, number: int) -> bool:
        """Take a rule back; whether it was there."""
        with self._lock:
            return self._kept.pop(number, None) is not None

    def clear(self) -> None:
        """Take all rules back."""
        with self._lock:
            self._kept.clear()

    def all(self) -> dict[int, tuple[Rule, int]]:
        """Every rule by its number, and how often it hit; spent ones too."""
        with self._lock:
            return {number: (each.rule, each.hits) for number, each in self._kept.items()}

    def take(self, method: str, path: str) -> list[Rule]:
        """What becomes of a request, in the order it was asked for; each rule is counted."""
        with self._lock:
            hit = [
                each
                for each in self._kept.values()
                if not each.spent and each.rule.means(method, path)
            ]
            for each in hit:
                each.hits += 1
            return [each.rule for each in hit]
