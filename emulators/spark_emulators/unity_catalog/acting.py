"""Who acts: the principal of the request that is being answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["ADMIN", "acting_as", "who"]

ADMIN = "admin"
"""The owner of the metastore, and everybody where nobody has to prove who they are."""

_WHO: ContextVar[str] = ContextVar("unity_catalog_principal", default=ADMIN)


def who() -> str:
    """The name of the principal that acts."""
    return _WHO.get()


@contextmanager
def acting_as(principal: str) -> Iterator[None]:
    """Do the block in the name of ``principal``."""
    token = _WHO.set(principal)
    try:
        yield
    finally:
        _WHO.reset(token)
