"""``DeleteOptions``, as far as the gateway honours them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spark_platform.gateway.queries import only
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Deletion", "deletion"]

_KNOWN = (
    *("apiVersion", "kind", "gracePeriodSeconds", "orphanDependents", "preconditions"),
    *("propagationPolicy", "pretty"),
)
_POLICIES = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True)
class Deletion:
    """How an application is to be deleted.

    Attributes:
        uid: only the one that has it; empty for any.
        grace_s: seconds until it is killed; None leaves that to the cluster.
        propagation: ``Background``, ``Foreground`` or ``Orphan``.
    """

    uid: str = ""
    grace_s: int | None = None
    propagation: str = "Background"


def deletion(options: Any) -> Deletion:
    """Read the body, or the query, of a deletion.

    Whatever is not honoured is refused: a dry run that is overlooked ends a job.

    Raises:
        InvalidInput: names the field.
    """
    if not isinstance(options, Mapping):
        raise InvalidInput("the body is no DeleteOptions")
    given = {name: value for name, value in options.items() if value not in (None, [], {})}
    only(given, _KNOWN, "{} of a deletion")
    preconditions = given.get("preconditions", {})
    if not isinstance(preconditions, Mapping):
        raise InvalidInput("preconditions is no mapping")
    # a version is the gateway's own, which a cluster cannot compare
    only(preconditions, ("uid",), "preconditions.{} of a deletion")
    policy = given.get("propagationPolicy", "Background")
    if policy not in _POLICIES:
        raise InvalidInput(
            f"propagationPolicy is {policy!r}", hint=f"allowed: {', '.join(_POLICIES)}"
        )
    if str(given.get("orphanDependents", False)).lower() != "false":
        raise InvalidInput("orphanDependents is not supported", hint="use propagationPolicy")
    return Deletion(str(preconditions.get("uid") or ""), _grace_s(given), policy)


def _grace_s(given: Mapping[str, Any]) -> int | None:
    found = given.get("gracePeriodSeconds")
    if found is None:
        return None
    if not str(found).isdecimal():
        raise InvalidInput(f"gracePeriodSeconds is {found!r}", hint="a number of seconds")
    return int(found)
