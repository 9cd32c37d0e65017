"""What a table comes from and what comes from it, near and far: a graph, and how to gather it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Graph", "Neighbours", "gathered"]


@dataclass(frozen=True)
class Neighbours:
    """The names directly before and after one."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """Names and what leads from one to another.

    Attributes:
        starts: whose lineage it is: a table, or each of its columns.
        before: by name, what it directly comes from.
        after: by name, what directly comes from it.
    """

    starts: tuple[str, ...]
    before: Mapping[str, tuple[str, ...]]
    after: Mapping[str, tuple[str, ...]]

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Each pair of source and target once, in order."""
        found = {(source, name) for name, sources in self.before.items() for source in sources}
        found |= {(name, target) for name, targets in self.after.items() for target in targets}
        return sorted(found)

    @property
    def layers(self) -> dict[str, int]:
        """How many steps each name is from the nearest start; sources below 0."""
        steps = dict.fromkeys(self.starts, 0)
        for neighbours, direction in ((self.before, -1), (self.after, 1)):
            layer, distance = list(self.starts), 0
            while layer:
                distance += direction
                further = [each for name in layer for each in neighbours.get(name, ())]
                layer = [name for name in dict.fromkeys(further) if name not in steps]
                steps.update(dict.fromkeys(layer, distance))
        return steps


def gathered(starts: Iterable[str], neighbours_of: Callable[[str], Neighbours]) -> Graph:
    """Ask for neighbours, their neighbours, and so on: away from the starts in both directions."""
    starts = tuple(starts)
    asked: dict[str, Neighbours] = {}

    def ask(name: str) -> Neighbours:
        if name not in asked:
            asked[name] = neighbours_of(name)
        return asked[name]

    return Graph(
        starts,
        _walked(starts, lambda name: ask(name).before),
        _walked(starts, lambda name: ask(name).after),
    )


def _walked(
    starts: tuple[str, ...], next_of: Callable[[str], tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = next_of(name)
            waiting.extend(found[name])
    return found
