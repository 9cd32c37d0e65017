"""The transition table as a diagram: ``python -m spark_emulators.spark_operator.diagram FILE``.

It replaces the block between the two markers of a Markdown file; docs/operator.md has them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from spark_emulators.spark_operator.states import TRANSITIONS, State

__all__ = ["BEGIN", "END", "diagram", "updated"]

BEGIN, END = "<!-- state diagram: begin -->", "<!-- state diagram: end -->"


def diagram() -> str:
    """A Mermaid state diagram of every transition."""
    return "\n".join(("```mermaid", "stateDiagram-v2", *map("    {}".format, _lines()), "```"))


def updated(text: str) -> str:
    """A document with the diagram as it is now.

    Raises:
        ValueError: it lacks the markers.
    """
    before, _ = text.split(BEGIN)
    _, after = text.split(END)
    return f"{before}{BEGIN}\n{diagram()}\n{END}{after}"


def _lines() -> Iterator[str]:
    yield f"[*] --> {State.SUBMITTED.value}"
    for here, following in TRANSITIONS.items():
        for there, cause in following.items():
            yield f"{here.value} --> {there.value}: {cause}"
    yield f"{State.RESOURCE_RELEASED.value} --> [*]"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(updated(file.read_text()))
