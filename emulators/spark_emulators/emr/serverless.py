"""Job runs of EMR Serverless: each is carried out by a thread of its own.

That thread alone takes a run forward; others only ask for its end. Every move is made under one
lock by ``jobruns.advance``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spark_emulators.emr.applications import Applications, Tokens
from spark_emulators.emr.errors import UnknownResource, ValidationFailed
from spark_emulators.emr.execution import Ending, Stop, follow
from spark_emulators.emr.failures import LONGEST_DETAILS, failure_details
from spark_emulators.emr.jobruns import (
    TERMINAL,
    Event,
    State,
    advance,
    may_retry,
    new_run,
    try_again,
)
from spark_emulators.emr.logs import LogStore, driver_prefix
from spark_emulators.emr.requests import StartJobRun
from spark_emulators.emr.runner import Runner
from spark_emulators.emr.settings import Settings
from spark_emulators.emr.submissions import Record, new_run_id, spark_job

__all__ = ["JobRuns"]

_LOG = logging.getLogger(__name__)
_LOOKS_EVERY_S = 0.05
_SHUTDOWN_GRACE_S = 2
_JOIN_S = 10
_STREAMING_FAILURES_PER_HOUR = 5
_CANCELLED = "Job run was cancelled by request"


class _Stopped(Exception):
    """The run shall end, and nothing of it runs."""


class JobRuns:
    """All job runs of a server.

    Args:
        now: seconds since the epoch; never goes back.
    """

    def __init__(
        self,
        settings: Settings,
        applications: Applications,
        runner: Runner,
        logs: LogStore,
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._secrets = settings.secrets()
        self._applications = applications
        self._runner = runner
        self._logs = logs
        self._now = now
        self._tokens = Tokens()
        self._records: dict[str, Record] = {}
        self._changed = threading.Condition(threading.RLock())

    def start(self, application_id: str, request: StartJobRun, body: Mapping[str, Any]) -> Record:
        """Accept a run; the same request with the same token is the same run.

        Raises:
            UnknownResource: there is no such application.
            ValidationFailed: the request or the application does not allow it.
            TokenReused: the token came with another request.
        """
        self._applications.view(application_id)
        made = self._tokens.once(
            application_id,
            request.clientToken,
            dict(body),
            lambda: self._accept(application_id, request.checked(), body),
        )
        assert isinstance(made, Record)
        return made

    def _accept(self, application_id: str, request: StartJobRun, body: Mapping[str, Any]) -> Record:
        view = self._applications.view(application_id)
        home = self._settings.home_of(view.release_label)
        if home is None:
            raise ValidationFailed(
                f"releaseLabel: no Spark is set up here for {view.release_label!r}; "
                "the server's settings name it as spark_home or in spark_homes"
            )
        job = spark_job(view, request)
        view = self._applications.started_for_a_job(application_id)
        with self._changed:
            record = Record(new_run(new_run_id(), self._now()), view, request, body, job, home)
            self._records[record.run.id] = record
            record.thread = threading.Thread(
                target=self._carry_out, args=(record,), name=record.run.id, daemon=True
            )
            record.thread.start()
        return record

    def get(self, application_id: str, run_id: str) -> Record:
        """A run as it is now; raises UnknownResource where the application has no such run."""
        with self._changed:
            return replace(self._find(application_id, run_id))

    def of(self, application_id: str) -> list[Record]:
        """The runs of an application as they are now, the newest first."""
        self._applications.view(application_id)
        with self._changed:
            return [
                replace(each)
                for each in reversed(self._records.values())
                if each.application.id == application_id
            ]

    def active(self, application_id: str) -> list[str]:
        """The ids of its runs that have not ended."""
        return [each.run.id for each in self.of(application_id) if each.run.state not in TERMINAL]

    def cancel(self, application_id: str, run_id: str, grace_s: float | None = None) -> None:
        """Ask a run to end; once more does nothing.

        Args:
            grace_s: seconds its driver has for that by itself; the settings' where None.

        Raises:
            UnknownResource: there is no such run.
            ValidationFailed: it has ended.
        """
        with self._changed:
            record = self._find(application_id, run_id)
            state = record.run.state
            if state in TERMINAL:
                raise ValidationFailed(f"Job run {run_id} is in terminal state {state.value}.")
            self._want_stop(record, _CANCELLED, grace_s)

    def close(self) -> None:
        """End all runs. Nothing of them runs when this returns."""
        with self._changed:
            running = [each for each in self._records.values() if each.run.state not in TERMINAL]
            for record in running:
                self._want_stop(
                    record, "EMR stopped", min(_SHUTDOWN_GRACE_S, self._settings.stop_grace_s)
                )
        for record in running:
            assert record.thread is not None
            record.thread.join(_JOIN_S)

    # Within a run's own thread

    def _carry_out(self, record: Record) -> None:
        try:
            self._admit(record)
            while self._attempt(record):
                pass
        except _Stopped:
            self._move(record, Event.STOPPED, record.why)
        except Exception:
            _LOG.exception("job run %s failed within the emulator", record.run.id)
            with self._changed:
                if record.run.state is State.CANCELLING:
                    self._move(record, Event.STOPPED, record.why)
                elif record.run.state not in TERMINAL:
                    self._move(record, Event.FAIL, "Internal error; the emulator's log says why")

    def _admit(self, record: Record) -> None:
        self._pause(record)
        scheduler = record.application.scheduler
        with self._changed:
            while scheduler and self._ahead_of(record) >= scheduler.maxConcurrentRuns:
                self._raise_if_stopped(record)
                if record.run.state is State.SUBMITTED:
                    self._move(record, Event.QUEUE, "Waiting for another job run to end")
                waited_s = self._now() - record.run.created_at
                if waited_s >= scheduler.queueTimeoutMinutes * 60:
                    self._want_stop(
                        record,
                        "Job run exceeded the queue timeout of "
                        f"{scheduler.queueTimeoutMinutes} minutes",
                    )
                self._changed.wait(_LOOKS_EVERY_S)
            self._raise_if_stopped(record)
            self._move(record, Event.ADMIT, "Waiting for workers")

    def _ahead_of(self, record: Record) -> int:
        ahead = 0
        for each in self._records.values():
            if each is record:
                break
            ahead += each.application.id == record.application.id and each.run.state not in TERMINAL
        return ahead

    def _attempt(self, record: Record) -> bool:
        """Make one attempt; returns whether there shall be another."""
        self._pause(record)
        with self._changed:
            self._raise_if_stopped(record)
            self._move(record, Event.SCHEDULE, "Workers are found")
        self._pause(record)
        try:
            execution = self._runner.start(record.job, record.spark_home, record.run.id)
        except OSError as error:
            return self._failed(record, f"Job could not be started: {error}")
        with self._changed:
            if record.stop is None:
                self._move(record, Event.LAUNCH, "Job is running")
        number = record.run.last.number
        ending = follow(
            execution,
            lambda: self._wanted_stop(record),
            self._now,
            lambda logs: self._keep(record, number, logs),
        )
        return self._ended(record, ending)

    def _ended(self, record: Record, ending: Ending) -> bool:
        with self._changed:
            self._raise_if_stopped(record)
            if ending.code == 0:
                self._move(record, Event.SUCCEED, "Job completed successfully")
                return False
            details = failure_details(ending.code, ending.stderr, ending.stdout, self._secrets)
            return self._failed(record, details)

    def _failed(self, record: Record, details: str) -> bool:
        policy, batch = record.request.retryPolicy, record.request.mode == "BATCH"
        with self._changed:
            self._raise_if_stopped(record)
            self._move(record, Event.FAIL, details[:LONGEST_DETAILS])
            retries = may_retry(
                record.run,
                self._now(),
                (policy.maxAttempts or 1) if batch else None,
                policy.maxFailedAttemptsPerHour or _STREAMING_FAILURES_PER_HOUR,
            )
            if retries:
                record.run = try_again(record.run, self._now())
            return retries

    def _keep(self, record: Record, attempt: int, logs: Mapping[str, Path]) -> None:
        log_uri = record.request.log_uri or record.application.log_uri
        if log_uri:
            prefix = driver_prefix(log_uri, record.application.id, record.run.id, attempt)
            self._logs.write(prefix, logs)

    def _wanted_stop(self, record: Record) -> Stop | None:
        minutes, start = record.request.timeout_min, record.run.started_at
        with self._changed:
            over = minutes and start is not None and self._now() - start >= minutes * 60
            if over and record.stop is None:
                self._want_stop(
                    record, f"Job run exceeded the execution timeout of {minutes} minutes"
                )
            return record.stop

    # Under the lock

    def _find(self, application_id: str, run_id: str) -> Record:
        self._applications.view(application_id)
        record = self._records.get(run_id)
        if record is None or record.application.id != application_id:
            raise UnknownResource(f"JobRun {run_id} does not exist")
        return record

    def _want_stop(self, record: Record, why: str, grace_s: float | None = None) -> None:
        if record.stop is None:
            grace = self._settings.stop_grace_s if grace_s is None else grace_s
            record.stop, record.why = Stop(grace), why
            self._move(record, Event.CANCEL, why)

    def _raise_if_stopped(self, record: Record) -> None:
        if record.stop is not None:
            raise _Stopped

    def _pause(self, record: Record) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: record.stop is not None, timeout=self._settings.state_pause_s
            )
            self._raise_if_stopped(record)

    def _move(self, record: Record, event: Event, details: str) -> None:
        with self._changed:
            record.run = advance(record.run, event, self._now(), details)
            _LOG.info("job run %s: %s (%s)", record.run.id, record.run.state.value, details)
            self._changed.notify_all()
