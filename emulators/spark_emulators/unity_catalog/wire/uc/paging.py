"""How Unity Catalog's clients ask for pages: the token is the last name of the page before."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from spark_emulators.unity_catalog.paging import PageRequest
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Paging"]

_MOST = 100


def _page_request(
    max_results: Annotated[int, Query(le=2**31 - 1)] = 0, page_token: str = ""
) -> PageRequest:
    if max_results < 0:
        raise InvalidInput(f"max_results must not be negative: {max_results}")
    return PageRequest(after=page_token, size=min(max_results or _MOST, _MOST))


Paging = Annotated[PageRequest, Depends(_page_request)]
"""The page that the query parameters ``max_results`` and ``page_token`` ask for."""
