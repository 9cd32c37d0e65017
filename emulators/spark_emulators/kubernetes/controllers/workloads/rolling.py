"""How many replicas each replica set of a deployment is to have next. Pure.

Source of the rules: the deployment controller of Kubernetes 1.36.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api.objects import dig

__all__ = ["Bounds", "Replicas", "bounds", "first_size", "proportional", "resolve", "roll"]


@dataclass(frozen=True)
class Replicas:
    """One replica set.

    Attributes:
        name: its name.
        wanted: what its spec says.
        available: what its status says.
        most: what a rollout was allowed when it was scaled last, from its annotation.
    """

    name: str
    wanted: int
    available: int = 0
    most: int = 0


@dataclass(frozen=True)
class Bounds:
    """What a rollout may do.

    Attributes:
        replicas: how many there are to be.
        surge: how many there may be besides.
        unavailable: how many of them may be absent.
    """

    replicas: int
    surge: int
    unavailable: int


def resolve(value: Any, of: int, *, up: bool) -> int:
    """A number, or a percentage of one."""
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * of
        return -(-share // 100) if up else share // 100
    return int(value)


def bounds(spec: dict[str, Any]) -> Bounds:
    """Those of a deployment's spec. Where both come to zero, one may be absent."""
    replicas = spec["replicas"]
    if dig(spec, "strategy", "type") != "RollingUpdate":
        return Bounds(replicas, 0, 0)
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = resolve(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = resolve(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(replicas, surge, min(unavailable, replicas))


def first_size(limits: Bounds, old: Sequence[Replicas], has: int = 0) -> int:
    """The size of the newest replica set, which has ``has`` by now, as it grows."""
    total = sum(each.wanted for each in old) + has
    room = limits.replicas + limits.surge - total
    if room <= 0:
        return has
    return has + min(room, limits.replicas - has)


def roll(limits: Bounds, new: Replicas, old: Sequence[Replicas]) -> dict[str, int]:
    """One step of a rolling update: new sizes by name; empty where nothing can be done yet.

    Args:
        new: the one with the template.
        old: the others, oldest first.
    """
    if new.wanted > limits.replicas:
        return {new.name: limits.replicas}
    grown = first_size(limits, old, new.wanted)
    if grown != new.wanted:
        return {new.name: grown}
    return _shrink(limits, new, old)


def _shrink(limits: Bounds, new: Replicas, old: Sequence[Replicas]) -> dict[str, int]:
    total = new.wanted + sum(each.wanted for each in old)
    least = limits.replicas - limits.unavailable
    room = total - least - (new.wanted - new.available)
    sizes = {each.name: each.wanted for each in old}
    # those that do no work go first
    for each in old:
        taken = max(0, min(room, each.wanted - each.available))
        sizes[each.name] -= taken
        room -= taken
    spare = min(new.available + sum(each.available for each in old) - least, room)
    for each in old:
        taken = max(0, min(spare, sizes[each.name]))
        sizes[each.name] -= taken
        spare -= taken
    return {each.name: sizes[each.name] for each in old if sizes[each.name] != each.wanted}


def proportional(limits: Bounds, sets: Sequence[Replicas]) -> dict[str, int]:
    """Sizes by name after the deployment's own number changed in the middle of a rollout.

    Args:
        sets: those that have replicas, newest first.
    """
    allowed = limits.replicas + limits.surge if limits.replicas else 0
    left = allowed - sum(each.wanted for each in sets)
    # the largest first; of equals, growth is for the newest, and the oldest shrinks
    ordered = list(sets) if left >= 0 else list(reversed(sets))
    ordered.sort(key=lambda each: -each.wanted)
    sizes = {}
    for each in ordered:
        share = 0
        if limits.replicas == 0:
            share = -each.wanted
        elif left:
            share = _round(each.wanted * allowed / (each.most or allowed)) - each.wanted
            share = max(left, min(share, 0)) if left < 0 else min(left, max(share, 0))
        sizes[each.name] = each.wanted + share
        left -= share
    if ordered and left:
        first = ordered[0].name
        sizes[first] = max(0, sizes[first] + left)
    return {each.name: sizes[each.name] for each in sets if sizes[each.name] != each.wanted}


def _round(value: float) -> int:
    return math.floor(value + 0.5)
