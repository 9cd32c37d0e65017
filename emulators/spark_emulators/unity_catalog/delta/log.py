"""A managed Delta table's log, as far as the catalog keeps it: pure.

The catalog decides which commit is the next version. Whoever committed then copies ("backfills") it
to the table's own ``_delta_log``, after which the catalog may forget it (Delta's protocol for
``catalogManaged`` tables; limits as in the open-source server's ``DeltaCommitRepository``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spark_emulators.unity_catalog.errors import CommitVersionConflict, TooMany
from spark_platform.kernel.errors import InvalidInput

__all__ = ["MOST_WAITING", "Commit", "Log"]

MOST_WAITING = 10
"""How many commits may wait to be backfilled."""


@dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes:
        timestamp, file_modification_timestamp: milliseconds since 1970.
        file_name: in the table's ``_delta_log/_staged_commits``.
        file_size: bytes.
    """

    version: int
    timestamp: int
    file_name: str
    file_size: int
    file_modification_timestamp: int


@dataclass(frozen=True)
class Log:
    """What is known of a table's versions.

    Attributes:
        latest: the newest commit; None where there has been none.
        waiting: those that have not been backfilled, oldest first.
    """

    latest: Commit | None = None
    waiting: tuple[Commit, ...] = ()

    @property
    def version(self) -> int:
        """The table's newest version; 0 for one that has just been made."""
        return self.latest.version if self.latest else 0

    def between(self, start: int, end: int | None) -> Sequence[Commit]:
        """The commits that wait, from one version to another, both included."""
        last = self.version if end is None else end
        return [one for one in self.waiting if start <= one.version <= last]

    def has(self, commit: Commit) -> bool:
        """Whether that very commit is there, as far back as the catalog remembers."""
        known = (self.latest, *self.waiting) if self.latest else ()
        return any(_same(one, commit) for one in known)

    def backfilled(self, version: int) -> Log:
        """The log once all up to ``version`` have been backfilled.

        Raises:
            InvalidInput: there is no such version yet.
        """
        if not 0 <= version <= self.version:
            raise InvalidInput(
                f"latest_backfilled_version must be between 0 and {self.version}, not {version}"
            )
        return replace(self, waiting=tuple(one for one in self.waiting if one.version > version))

    def committed(self, commit: Commit) -> Log:
        """The log with one more commit; itself where it has that very commit.

        Raises:
            CommitVersionConflict: somebody else's commit has the version.
            InvalidInput: versions between the newest and this one are missing.
            TooMany: too many wait to be backfilled.
        """
        if commit.version < 1:
            raise InvalidInput(f"commit_info.version must be at least 1, not {commit.version}")
        if self.latest is not None and commit.version <= self.version:
            if self.has(commit):
                return self
            raise CommitVersionConflict(
                f"version {commit.version} is taken: the table is at {self.version}",
                hint="read the newer versions and commit on top of them",
            )
        if self.latest is not None and commit.version > self.version + 1:
            raise InvalidInput(
                f"version {commit.version} leaves a gap: the next one is {self.version + 1}"
            )
        if len(self.waiting) >= MOST_WAITING:
            raise TooMany(
                f"{MOST_WAITING} commits wait to be backfilled", hint="backfill them first"
            )
        return Log(commit, (*self.waiting, commit))


def _same(one: Commit, other: Commit) -> bool:
    return (one.version, one.file_name) == (other.version, other.file_name)
