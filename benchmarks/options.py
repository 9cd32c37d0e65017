"""What a benchmark run was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Options", "Say"]

# tells people how a benchmark proceeds
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """The answers.

    Attributes:
        repeat: how often each way is measured; None leaves it to the benchmark.
        quick: whether to see only that everything runs: once, and little of it.
    """

    repeat: int | None = None
    quick: bool = False

    def repetitions(self, usual: int) -> int:
        """How often to measure, where ``usual`` is the benchmark's own choice."""
        return self.repeat or (1 if self.quick else usual)
