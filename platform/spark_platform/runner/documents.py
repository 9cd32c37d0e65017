"""Runs as doors show them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from spark_platform.model import RunState
from spark_platform.runner.records import Attempt, FailureClass, Run
from spark_platform.runner.store import History

__all__ = ["AttemptDocument", "HistoryDocument", "RunDocument", "history_document", "run_document"]


class _Document(BaseModel):
    # a client that is older than its server reads on
    model_config = ConfigDict(extra="ignore", frozen=True)


class AttemptDocument(_Document):
    """One try at a run."""

    number: int
    state: RunState
    reason: str
    failure: FailureClass | None = Field(description="Of one that failed: why.")
    backend: str
    cluster: str
    application: str = Field(description="Its name on the backend.")
    exit_code: int | None
    degraded: bool
    started_at: datetime | None
    ended_at: datetime | None


class RunDocument(_Document):
    """A run."""

    run_id: str
    name: str = Field(description="The job's.")
    domain: str
    owner: str
    state: RunState
    reason: str
    attempts: tuple[AttemptDocument, ...]
    image: str = Field(description="The tag that the engine's version meant.")
    image_digest: str = Field(description="What that tag meant; empty where nobody could tell.")
    spark_version: str
    cancel_reason: str
    created_at: datetime
    ended_at: datetime | None
    version: int = Field(description="Counts the run's changes.")
    links: dict[str, str] = Field(description="Where its UI and its log are.")


class TransitionDocument(_Document):
    """A step; of the run itself where the attempt is 0."""

    attempt: int
    state: RunState
    reason: str
    at: datetime


class DecisionDocument(_Document):
    """What a strategy said."""

    strategy: str
    attempt: int
    outcome: dict[str, object]
    why: str
    at: datetime


class HistoryDocument(_Document):
    """All that befell a run, in its order."""

    transitions: tuple[TransitionDocument, ...]
    decisions: tuple[DecisionDocument, ...]


def run_document(run: Run) -> RunDocument:
    """A run."""
    return RunDocument(
        run_id=run.run_id,
        name=run.job.name,
        domain=run.job.domain,
        owner=run.job.owner,
        state=run.state,
        reason=run.reason,
        attempts=tuple(_attempt(each) for each in run.attempts),
        image=run.image.tag,
        image_digest=run.image.digest,
        spark_version=run.image.spark_version,
        cancel_reason=run.cancel_reason,
        created_at=run.created_at,
        ended_at=run.ended_at,
        version=run.version,
        links=run.links,
    )


def history_document(history: History) -> HistoryDocument:
    """A run's history."""
    return HistoryDocument.model_validate(history, from_attributes=True)


def _attempt(attempt: Attempt) -> AttemptDocument:
    return AttemptDocument.model_validate(attempt, from_attributes=True)
