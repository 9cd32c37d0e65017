"""The catalog ``system``: the server writes it, and nobody else."""

from __future__ import annotations

from spark_emulators.unity_catalog.acting import who
from spark_platform.kernel.errors import Forbidden

__all__ = ["SYSTEM", "SYSTEM_USER", "check_writable"]

SYSTEM = "system"
SYSTEM_USER = "System user"
"""Who owns it and acts in it."""


def check_writable(catalog: str) -> None:
    """Raise Forbidden where whoever acts may change nothing in ``catalog``."""
    if catalog == SYSTEM and who() != SYSTEM_USER:
        raise Forbidden(f"catalog {SYSTEM} is read-only")
