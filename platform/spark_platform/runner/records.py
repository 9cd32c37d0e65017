"""What the Runner keeps of a run. Data only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from spark_platform.model import Job, JobSpec, RunState

__all__ = [
    "Attempt",
    "Decision",
    "FailureClass",
    "ImageRef",
    "Run",
    "Transition",
    "run_id_of",
]

_MOST_OF_A_NAME = 20


class FailureClass(str, Enum):
    """Why an attempt failed, cut by what may be done about it."""

    USER = "user"
    """The job is wrong; trying again changes nothing."""
    INFRASTRUCTURE = "infrastructure"
    """What it ran on was lost."""
    SCHEDULING = "scheduling"
    """It did not get what it was to run on."""
    MEMORY = "memory"
    CRASH = "crash"
    """Native code ended the JVM."""
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ImageRef:
    """What an engine's version meant when a run was accepted.

    Attributes:
        tag: the moving tag: ``spark-platform:4.1-latest``.
        digest: what the tag meant; empty where nobody could tell.
        spark_version: of the Spark inside.
    """

    tag: str
    digest: str
    spark_version: str


@dataclass(frozen=True)
class Attempt:
    """One try at a run.

    Attributes:
        number: from 1.
        spec: what the backend is given; its name is this attempt's for ever.
        state: what it came to; ACCEPTED until a backend is known to have it.
        failure: of one that failed.
        cancelling: its backend was told to end it.
    """

    number: int
    spec: JobSpec
    state: RunState = RunState.ACCEPTED
    reason: str = ""
    failure: FailureClass | None = None
    backend: str = ""
    cluster: str = ""
    application: str = ""
    exit_code: int | None = None
    degraded: bool = False
    cancelling: bool = False
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ui: str = ""
    logs: str = ""


@dataclass(frozen=True)
class Run:
    """A job that was submitted once.

    Attributes:
        run_id: follows from domain and token.
        token: the idempotency token that it was submitted with.
        job: as it was submitted.
        image: what its engine's version meant then.
        state: of the whole run; while a next attempt is waited for, ACCEPTED.
        attempts: in their order.
        cancel_reason: why its end is wanted; empty while it is not.
        due_at: when it is to be looked at next; None once it has ended.
        version: counts its changes.
    """

    run_id: str
    token: str
    job: Job
    image: ImageRef
    created_at: datetime
    state: RunState = RunState.ACCEPTED
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    cancel_reason: str = ""
    ended_at: datetime | None = None
    due_at: datetime | None = None
    version: int = 0

    @property
    def current(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def links(self) -> dict[str, str]:
        """Where the newest attempt's UI and log are, as far as there are any."""
        newest = self.current
        found = {"ui": newest.ui, "logs": newest.logs} if newest else {}
        return {name: link for name, link in found.items() if link}


@dataclass(frozen=True)
class Transition:
    """A step of a run or of one of its attempts, which is never changed or removed.

    Attributes:
        attempt: its number; 0 for the run's own.
    """

    attempt: int
    state: RunState
    reason: str
    at: datetime


@dataclass(frozen=True)
class Decision:
    """What a strategy said, and why.

    Attributes:
        strategy: ``choose_parameters``, ``after_failure`` or ``while_running``.
        attempt: whose number it was asked about.
        outcome: what it came to, as data.
        why: for people.
    """

    strategy: str
    attempt: int
    outcome: dict[str, Any]
    why: str
    at: datetime


def run_id_of(job: Job, token: str) -> str:
    """The id of the run that a token stands for in a domain: the same one on every replica."""
    digest = hashlib.sha256(f"{job.domain}\0{token}".encode()).hexdigest()[:12]
    start = job.name[:_MOST_OF_A_NAME].strip("-")
    return f"{start}-{digest}"
