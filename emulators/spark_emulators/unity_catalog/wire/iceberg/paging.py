"""How Iceberg clients ask for pages.

A request without ``pageToken`` gets everything; an empty token opts in to paging (Iceberg REST
specification, and what pyiceberg and Java do).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from spark_emulators.unity_catalog.paging import EVERYTHING, PageRequest
from spark_platform.kernel.errors import InvalidInput

__all__ = ["page_request", "page_token"]

_SIZE = re.compile(r"[1-9][0-9]{0,8}")
_DEFAULT_SIZE = 100
_MAX_SIZE = 1000


def page_request(query: Mapping[str, str]) -> PageRequest:
    """Read the query parameters ``pageToken`` and ``pageSize``.

    Raises:
        InvalidInput: the size is no positive number, or the token is not one of ours.
    """
    token, size = query.get("pageToken"), query.get("pageSize")
    if size is not None and not _SIZE.fullmatch(size):
        raise InvalidInput(f"pageSize must be a positive whole number, not {size!r}")
    if token is None:
        return EVERYTHING
    wanted = _DEFAULT_SIZE if size is None else min(int(size), _MAX_SIZE)
    return PageRequest(after=_decode(token), size=wanted)


def page_token(last: str | None) -> str | None:
    """The token of the page that follows ``last``; None where there is no next page."""
    if last is None:
        return None
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def _decode(token: str) -> str:
    try:
        padded = token + "=" * (-len(token) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"pageToken {token!r} was not issued by this catalog") from error
