"""Figures: two series of measurements, what follows from them, and whether a goal is met.

Pure; the benchmarks make these and ``__main__`` prints them. Less is better in every unit.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Comparison", "Goal", "Series"]


@dataclass(frozen=True)
class Series:
    """Measurements of one way to do something.

    Attributes:
        label: which way.
        values: as measured, in order, in the unit of the comparison.
    """

    label: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "median": round(self.median, 3),
            "values": [round(value, 3) for value in self.values],
        }


@dataclass(frozen=True)
class Goal:
    """What a comparison should show.

    Attributes:
        figure: "ratio" has to be at least ``bound``; "difference", and "median" of ours, at most.
        aim: a value beyond the bound that we would like; nothing depends on it.
    """

    figure: Literal["ratio", "difference", "median"]
    bound: float
    aim: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Our way against the stock way.

    Attributes:
        name: what was measured.
        unit: "s", "ms" or "MiB".
        goal: None where the figure is only reported.
        paired: whether the n-th values of both ways were measured right after each other.
    """

    name: str
    unit: str
    ours: Series
    stock: Series
    goal: Goal | None = None
    paired: bool = True

    @property
    def ratio(self) -> float:
        """How many times less ours takes: the stock way's median over ours."""
        return self.stock.median / self.ours.median

    @property
    def pair_ratios(self) -> tuple[float, ...]:
        """The same for each pair alone: how far the ratio can be trusted; empty without pairs."""
        if not self.paired:
            return ()
        pairs = zip(self.stock.values, self.ours.values, strict=True)
        return tuple(stock / ours for stock, ours in pairs)

    @property
    def difference(self) -> float:
        """What ours takes more than the stock way, between medians."""
        return self.ours.median - self.stock.median

    @property
    def goal_is_met(self) -> bool | None:
        """None where there is no goal."""
        if self.goal is None:
            return None
        if self.goal.figure == "ratio":
            return self.ratio >= self.goal.bound
        figure = self.difference if self.goal.figure == "difference" else self.ours.median
        return figure <= self.goal.bound

    @property
    def goal_text(self) -> str:
        """The goal in words; empty where there is none."""
        if self.goal is None:
            return ""
        if self.goal.figure == "difference":
            return f"at most +{self.goal.bound:g} {self.unit}"
        if self.goal.figure == "median":
            return f"ours at most {self.goal.bound:g} {self.unit}"
        aim = f", aim {self.goal.aim:g}x" if self.goal.aim else ""
        return f"at least {self.goal.bound:g}x{aim}"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours.as_json(),
            "stock": self.stock.as_json(),
            "ratio": round(self.ratio, 3),
            "pair_ratios": [round(ratio, 3) for ratio in self.pair_ratios],
            "difference": round(self.difference, 3),
            "goal": self.goal_text or None,
            "goal_is_met": self.goal_is_met,
        }
