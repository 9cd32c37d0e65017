"""How long work tells its caller where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OnProgress", "Progress", "silent"]


@dataclass(frozen=True)
class Progress:
    """One line of news.

    Attributes:
        step: what is being done: ``wait``, ``pyspark``, ``jars``, ``guard`` or ``cds``.
        detail: the thing in hand, or a warning, for a person to read.
        done: how many of ``total`` are finished.
        total: how many there are; 1 where the step cannot be counted.
    """

    step: str
    detail: str
    done: int
    total: int


OnProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Ignore the news."""
    del progress
