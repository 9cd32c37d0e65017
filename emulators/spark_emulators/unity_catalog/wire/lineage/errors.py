"""Exceptions as answers: as Unity Catalog spells them, but for one word of lineage's own."""

from __future__ import annotations

from starlette.responses import Response

from spark_emulators.unity_catalog.wire.uc import errors as uc
from spark_platform.kernel.errors import Conflict

__all__ = ["error_answer"]


def error_answer(error: Exception) -> Response:
    """The answer for ``error``: what is declared twice exists already."""
    if type(error) is Conflict:
        return uc.answer(409, "ALREADY_EXISTS", str(error))
    return uc.error_answer(error)
