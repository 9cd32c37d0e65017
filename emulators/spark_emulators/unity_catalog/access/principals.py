"""Who can be given rights: users, groups of them, and programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from spark_emulators.unity_catalog.system import SYSTEM_USER
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Principal", "PrincipalKind", "check_principal_name"]

_LONGEST_NAME = 255


class PrincipalKind(str, Enum):
    """The kinds of principals."""

    USER = "user"
    GROUP = "group"
    SERVICE_PRINCIPAL = "service principal"


@dataclass(frozen=True)
class Principal:
    """Somebody.

    Attributes:
        name: what grants, tokens and owners say: a user's e-mail address, a group's display name,
            a program's application id. No two principals have the same, of whatever kind.
        active: whether tokens of it are good.
        created_at, updated_at: milliseconds since 1970.
    """

    id: str
    kind: PrincipalKind
    name: str
    display_name: str
    external_id: str | None
    active: bool
    created_at: int
    updated_at: int


def check_principal_name(name: str) -> str:
    """Return ``name`` if a principal may have it.

    Raises:
        InvalidInput: it is empty, too long, has characters that do not show, or is the server's.
    """
    if name == SYSTEM_USER:
        raise InvalidInput(f"principal name {SYSTEM_USER!r} is the server's own")
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise InvalidInput(
            f"principal name {name[:80]!r} is not allowed: 1 to {_LONGEST_NAME} characters that "
            "show, none of them a space at an end"
        )
    return name
