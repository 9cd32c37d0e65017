"""Pages of things in the order of their names: which part of a listing a request wants.

How a door's clients ask for the next page is that door's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["EVERYTHING", "Page", "PageRequest"]

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Things in order, and the name after which the next page begins; None on the last."""

    items: Sequence[T]
    last: str | None


@dataclass(frozen=True)
class PageRequest:
    """A part of a listing.

    Attributes:
        after: names up to and including this one were served before; empty at the start.
        size: things on the page, or None for all of them.
    """

    after: str = ""
    size: int | None = None

    @property
    def limit(self) -> int | None:
        """Things to fetch: one more than are shown, to know whether there is a next page."""
        return None if self.size is None else self.size + 1

    def cut(self, items: Sequence[T], name: Callable[[T], str]) -> Page[T]:
        """The page, from up to ``limit`` things that follow ``after`` in order."""
        if self.size is None or len(items) <= self.size:
            return Page(items, None)
        shown = items[: self.size]
        return Page(shown, name(shown[-1]))


EVERYTHING = PageRequest()
