"""A place that runs Spark jobs, as the platform sees it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from spark_platform.model import JobKind, JobSpec, Observation

__all__ = ["Backend", "Capabilities"]


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do.

    Attributes:
        kinds: of jobs that it runs.
        executors: whether a job has executors of its own; otherwise its driver does all work.
        watches: whether changes come by themselves; otherwise it is asked for them.
        remembers: whether a job that was cancelled is still told of; otherwise it is gone.
        secrets: whether it has secrets that a job's variables may come from.
    """

    kinds: frozenset[JobKind]
    executors: bool
    watches: bool
    remembers: bool
    secrets: bool


class Backend(Protocol):
    """Runs jobs. Nothing is kept here: the backend's own records are the truth.

    Every method raises ``Transient`` where the backend cannot be reached, and is safe to call again
    whatever became of the call before.
    """

    name: str

    def capabilities(self) -> Capabilities:
        """What it can do."""

    def check(self) -> None:
        """Ask whether it is there to take jobs.

        Raises:
            PlatformError: it is not; why.
        """

    def submit(self, job: JobSpec) -> Observation:
        """Have a job run, once: the same job again is the one that is there.

        Raises:
            InvalidInput: the backend cannot run such a job; names the field.
            Conflict: the name is another job's.
        """

    def observe(self, name: str) -> Observation:
        """How it is with a job.

        Raises:
            NotFound: it knows no such job.
        """

    def list(self) -> list[Observation]:
        """Every job of the platform's that it knows."""

    def watch(self, stop: threading.Event) -> Iterator[Observation]:
        """All jobs as they are, then each change, until ``stop`` is set.

        A job that is gone is told once more as it was last, CANCELLED unless it had ended.
        """

    def cancel(self, name: str) -> None:
        """Have a job end soon, and its driver with it; one that has ended is left as it is.

        Raises:
            NotFound: it knows no such job.
        """

    def remove(self, name: str) -> None:
        """Forget a job that has ended, with its logs; one that is not there is no error."""

    def logs(self, name: str, tail: int | None = None) -> str:
        """What a job's driver has printed.

        Args:
            tail: only so many last lines.

        Raises:
            NotFound: it knows no such job, or has no log of it (yet).
        """

    def close(self) -> None:
        """Let go of connections."""
