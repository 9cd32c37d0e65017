"""Resource versions over several clusters, as numbers that clients may compare. Pure.

An object's is its cluster's, spread so that no two clusters have the same; it grows with it,
whichever replica of the gateway tells it. A list's holds those of all clusters, and is larger than
any object's. Only a list's can be watched from: an object's says nothing of the other clusters, so
whoever asks from one is told that it is too old, and lists anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from spark_platform.kernel.kubernetes.errors import Expired

__all__ = ["Versions"]

_BITS = 64
_MASK = (1 << _BITS) - 1
_HINT = "list anew, and watch from the list's version"


class Versions:
    """The versions of these clusters.

    Args:
        clusters: their names; a version of other ones is too old.
    """

    def __init__(self, clusters: Sequence[str]) -> None:
        self._names = sorted(clusters)
        digest = hashlib.sha256("\0".join(self._names).encode()).digest()
        self._mark = int.from_bytes(digest[:8], "big")

    def of_object(self, cluster: str, version: str) -> str:
        """An object's version, of one that is on ``cluster``."""
        return str(int(version) * len(self._names) + self._names.index(cluster))

    def of_list(self, versions: Mapping[str, str]) -> str:
        """A list's, of the versions that the clusters' own lists have."""
        made = (1 << _BITS) | self._mark
        for name in self._names:
            made = (made << _BITS) | int(versions[name])
        return str(made)

    def read(self, version: str) -> dict[str, str]:
        """The clusters' versions in a list's.

        Raises:
            Expired: it is none, or of other clusters.
        """
        number = int(version) if version.isdecimal() and len(version) < 10_000 else 0
        found = {}
        for name in reversed(self._names):
            found[name] = str(number & _MASK)
            number >>= _BITS
        if number != (1 << _BITS) | self._mark:
            raise Expired("the resource version is too old", hint=_HINT)
        return found
