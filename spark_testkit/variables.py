"""Variables of the user's own that keep clients from a stack.

`doctor` warns of them, `env` unsets them, and `demo` keeps them from its job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["SPOILERS", "Spoiler", "proxies_for_localhost"]


@dataclass(frozen=True)
class Spoiler:
    """A variable that clients must not see beside a stack's.

    Attributes:
        spoils: the variable of a stack's that it spoils.
        why: what clients make of the two.
    """

    name: str
    spoils: str
    why: str


_TOKEN = "AWS clients would send it along with a stack's keys"  # noqa: S105
# it does not replace the keys, but even clients that are given keys fail where it names no profile
_PROFILE = "AWS clients would take its region and settings for a stack, or not find it and fail"

SPOILERS = (
    Spoiler("MASTER", "SPARK_REMOTE", "pyspark refuses to start with it and SPARK_REMOTE"),
    Spoiler("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", _TOKEN),
    Spoiler("AWS_SECURITY_TOKEN", "AWS_ACCESS_KEY_ID", _TOKEN),
    Spoiler("AWS_PROFILE", "AWS_ACCESS_KEY_ID", _PROFILE),
    Spoiler("AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", _PROFILE),
)

# gRPC reads small letters only; https_proxy for plain connections as well
_PROXIES_OF_GRPC = ("grpc_proxy", "https_proxy", "http_proxy")
_PROXIES_OF_OTHERS = ("HTTP_PROXY", "all_proxy", "ALL_PROXY")


def proxies_for_localhost(environ: Mapping[str, str]) -> list[str]:
    """The variables that send requests to localhost through a proxy."""
    by_grpc, by_others = _hosts(environ, "no_proxy"), _hosts(environ, "no_proxy", "NO_PROXY")
    heeded: list[str] = []
    if "localhost" not in by_grpc:  # to which "*" means nothing
        heeded += _PROXIES_OF_GRPC
    if by_others.isdisjoint(("localhost", "*")):
        heeded += _PROXIES_OF_OTHERS
    return [name for name in heeded if environ.get(name)]


def _hosts(environ: Mapping[str, str], *names: str) -> set[str]:
    text = next(filter(None, map(environ.get, names)), "")
    return {host.strip().lower() for host in text.split(",")}
