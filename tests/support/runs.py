"""Runs, a backend that does what a test says, and a clock that a test turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from spark_platform.backends.backend import Capabilities
from spark_platform.identity import Caller
from spark_platform.kernel.errors import Conflict, NotFound, Unauthenticated
from spark_platform.model import Job, JobKind, JobSpec, Observation, RunState
from spark_platform.runner.images import EngineImage, ImageCatalogue
from spark_platform.runner.records import ImageRef, Run, run_id_of

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
IMAGES = ImageCatalogue({"4.1": EngineImage("spark-platform:4.1-latest", "4.1.4", "sha256:abc")})


class Time:
    """The time, as long as a test does not turn it."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def job(**given: Any) -> Job:
    """A job, as simple as one can be."""
    plain = {"name": "flights", "domain": "travel", "owner": "ana", "engine": "4.1"}
    return Job(**{**plain, "main": "local:///ok.py", **given})


def run(token: str = "t", **given: Any) -> Run:
    """A run that was just accepted."""
    own = job()
    image = ImageRef("spark-platform:4.1-latest", "sha256:abc", "4.1.4")
    plain = Run(run_id_of(own, token), token, own, image, created_at=START, due_at=START)
    return replace(plain, **given)


class Known:
    """Tokens are names. Implements ``Verifier``."""

    def verify(self, token: str) -> Caller:
        user, _, domain = token.partition("@")
        if not domain:
            raise Unauthenticated("the token is not valid")
        return Caller(user, domain)


class Told:
    """A backend whose jobs are as a test tells. Implements ``Backend``."""

    name = "told"

    def __init__(self) -> None:
        self.jobs: dict[str, Observation] = {}
        self.specs: dict[str, JobSpec] = {}
        self.submissions: list[str] = []
        self.fails: list[Exception] = []

    def capabilities(self) -> Capabilities:
        return Capabilities(
            frozenset(JobKind), executors=True, watches=True, remembers=True, secrets=False
        )

    def check(self) -> None:
        self._fail()

    def submit(self, job: JobSpec) -> Observation:
        self._fail()
        known = self.specs.get(job.name)
        if known is None:
            self.submissions.append(job.name)
            self.specs[job.name] = job
            self.jobs[job.name] = Observation(job.name, RunState.SUBMITTED)
        elif known.digest != job.digest:
            raise Conflict(f"{job.name} is another job's")
        return self.jobs[job.name]

    def observe(self, name: str) -> Observation:
        self._fail()
        if name not in self.jobs:
            raise NotFound(name)
        return self.jobs[name]

    def list(self) -> list[Observation]:
        return list(self.jobs.values())

    def watch(self, stop: threading.Event) -> Iterator[Observation]:
        yield from self.list()
        stop.wait()

    def cancel(self, name: str) -> None:
        self._fail()
        found = self.observe(name)
        if not found.state.ended:
            self.tell(name, RunState.CANCELLED)

    def remove(self, name: str) -> None:
        self.jobs.pop(name, None)

    def logs(self, name: str, tail: int | None = None) -> str:
        return f"{self.observe(name).name} {tail}"

    def close(self) -> None:
        pass

    def tell(self, name: str, state: RunState, **more: Any) -> None:
        self.jobs[name] = Observation(name, state, **more)

    def _fail(self) -> None:
        if self.fails:
            raise self.fails.pop(0)
