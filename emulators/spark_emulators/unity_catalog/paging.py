"""Pages of names: which part of an ordered listing a request wants, and how it asks for the next.

A request without ``pageToken`` gets everything; an empty token opts in to paging (Iceberg REST
specification, and what pyiceberg and Java do).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Page", "PageRequest"]

_SIZE = re.compile(r"[1-9][0-9]{0,8}")
_DEFAULT_SIZE = 100
_MAX_SIZE = 1000


@dataclass(frozen=True)
class Page:
    """Names in order, and the token of the next page; None on the last."""

    names: Sequence[str]
    next_token: str | None


@dataclass(frozen=True)
class PageRequest:
    """A part of a listing.

    Attributes:
        after: names up to and including this one were served before; empty at the start.
        size: names on the page, or None for all of them.
    """

    after: str = ""
    size: int | None = None

    @classmethod
    def parse(cls, token: str | None, size: str | None) -> PageRequest:
        """Read the query parameters ``pageToken`` and ``pageSize``; None where absent.

        Raises:
            InvalidInput: the size is no positive number, or the token is not one of ours.
        """
        if size is not None and not _SIZE.fullmatch(size):
            raise InvalidInput(f"pageSize must be a positive whole number, not {size!r}")
        if token is None:
            return cls()
        wanted = _DEFAULT_SIZE if size is None else min(int(size), _MAX_SIZE)
        return cls(after=_decode(token), size=wanted)

    @property
    def limit(self) -> int | None:
        """Names to fetch: one more than are shown, to know whether there is a next page."""
        return None if self.size is None else self.size + 1

    def cut(self, names: Sequence[str]) -> Page:
        """The page, from up to ``limit`` names that follow ``after`` in order."""
        if self.size is None or len(names) <= self.size:
            return Page(names, None)
        shown = names[: self.size]
        return Page(shown, _encode(shown[-1]))


def _encode(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _decode(token: str) -> str:
    try:
        padded = token + "=" * (-len(token) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"pageToken {token!r} was not issued by this catalog") from error
