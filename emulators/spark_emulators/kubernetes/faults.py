"""Faults: what goes wrong on the way between a client and the API, on purpose.

A rule says which requests, and what becomes of them. Rules are kept here and counted here; the wire
asks before it answers, and watches ask before they send.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar, Literal

from spark_emulators.kubernetes.errors import ApiError, conflict, expired

__all__ = ["CUT", "DELAY", "EXPIRE", "REFUSE", "STALL", "Asked", "Faults", "Rule", "refusal"]

Effect = Literal["refuse", "delay", "cut", "expire", "stall"]
REFUSE: Effect = "refuse"
DELAY: Effect = "delay"
CUT: Effect = "cut"
EXPIRE: Effect = "expire"
STALL: Effect = "stall"

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(frozen=True)
class Asked:
    """A request, as rules see it.

    Attributes:
        verb: as RBAC names it; of paths that are no resources, the method in lower case.
        resource: ``pods``, ``pods/log``, ``deployments.apps``; empty for other paths.
        namespace, name: of the object; empty where there is none.
        user: who asks.
    """

    verb: str
    resource: str = ""
    namespace: str = ""
    name: str = ""
    user: str = ""


@dataclass(frozen=True)
class Rule:
    """One fault.

    Attributes:
        effect: ``refuse``: answer with an error. ``delay``: answer later. ``cut``: break the
            connection without an answer, also of streams that are open already. ``expire``: end
            watches with 410. ``stall``: watches stay open and say nothing while the rule is there.
        verbs: of which requests; empty for all.
        resources: see ``Asked``; patterns (``*``, ``pods/*``); empty for all, other paths included.
        namespace, name, user: patterns; empty for all.
        times: how many requests or streams it hits; None for all, until it is taken back.
        code: of ``refuse``: the HTTP status.
        message: of ``refuse``: instead of the usual text.
        retry_after_s: of ``refuse``: what the client is told to wait.
        delay_s: of ``delay``.
    """

    # pydantic reads rules that come from outside
    __pydantic_config__: ClassVar = {"extra": "forbid"}

    effect: Effect
    verbs: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    namespace: str = ""
    name: str = ""
    user: str = ""
    times: int | None = None
    code: int = 500
    message: str = ""
    retry_after_s: int | None = None
    delay_s: float = 0.0

    def means(self, asked: Asked) -> bool:
        """Whether it is about this request."""
        return (
            (not self.verbs or asked.verb in self.verbs)
            and _fits(self.resources, asked.resource)
            and all(
                not pattern or fnmatchcase(value, pattern)
                for pattern, value in (
                    (self.namespace, asked.namespace),
                    (self.name, asked.name),
                    (self.user, asked.user),
                )
            )
        )


def _fits(patterns: Iterable[str], value: str) -> bool:
    patterns = tuple(patterns)
    return not patterns or (bool(value) and any(fnmatchcase(value, each) for each in patterns))


def refusal(rule: Rule, asked: Asked) -> ApiError:
    """The error of a ``refuse`` rule, as a real server words it."""
    plural, _, group = asked.resource.partition(".")
    if rule.code == 409 and not rule.message:
        return conflict(group, plural, asked.name)
    if rule.code == 410:
        return expired(rule.message or "The provided continue parameter is too old")
    reason = _REASONS.get(rule.code, "")
    texts = {
        429: "Too many requests, please try again later.",
        401: "Unauthorized",
        503: "the server is currently unable to handle the request",
    }
    message = rule.message or texts.get(rule.code, "an error on the server has been injected")
    details = {} if rule.retry_after_s is None else {"retryAfterSeconds": rule.retry_after_s}
    return ApiError(rule.code, reason, message, details)


@dataclass
class _Kept:
    rule: Rule
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.hits >= self.rule.times


class Faults:
    """The rules of one server; of its event loop."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}
        self._numbers = itertools.count(1)
        self._listeners: dict[int, Callable[[], None]] = {}
        self._streams: dict[int, tuple[Asked, Callable[[], None]]] = {}

    def add(self, rule: Rule) -> int:
        """Have things go wrong from now on; returns the rule's number."""
        number = next(self._numbers)
        self._kept[number] = _Kept(rule)
        if rule.effect == CUT:
            for asked, cut in list(self._streams.values()):
                if self.take(asked, CUT):
                    cut()
        self._tell()
        return number

    def remove(self, number: int) -> bool:
        """Take a rule back; whether it was there."""
        found = self._kept.pop(number, None) is not None
        self._tell()
        return found

    def clear(self) -> None:
        """Take all rules back."""
        self._kept.clear()
        self._tell()

    def all(self) -> dict[int, tuple[Rule, int]]:
        """Every rule by its number, and how often it hit; spent ones too."""
        return {number: (each.rule, each.hits) for number, each in self._kept.items()}

    def take(self, asked: Asked, *effects: Effect) -> Rule | None:
        """The oldest rule with one of the effects that hits a request; it is counted."""
        for each in self._kept.values():
            if each.rule.effect in effects and not each.spent and each.rule.means(asked):
                each.hits += 1
                return each.rule
        return None

    def stalled(self, asked: Asked) -> bool:
        """Whether a watch has to be silent now."""
        return any(
            each.rule.effect == STALL and each.rule.means(asked) for each in self._kept.values()
        )

    @contextmanager
    def open(self, asked: Asked, cut: Callable[[], None]) -> Iterator[None]:
        """A request is being answered; it can be cut meanwhile."""
        number = next(self._numbers)
        self._streams[number] = asked, cut
        try:
            yield
        finally:
            del self._streams[number]

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have ``listener`` called when the rules change; returns what ends that."""
        number = next(self._numbers)
        self._listeners[number] = listener
        return lambda: self._listeners.pop(number, None) and None

    def _tell(self) -> None:
        for each in list(self._listeners.values()):
            each()
