"""Brings runs on: takes those that are due, does what ``advance`` says, writes down the outcome."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta, timezone

from spark_platform.backends.backend import Backend
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PlatformError,
    Terminal,
    Transient,
)
from spark_platform.model import Observation, RunState
from spark_platform.runner import advance
from spark_platform.runner.advance import Pace, Step
from spark_platform.runner.failures import Failure
from spark_platform.runner.records import Decision, FailureClass, Run
from spark_platform.runner.store import Changed, Store
from spark_platform.runner.strategies import Stop, Strategies

__all__ = ["Worker", "WorkerSettings"]

_LOG = logging.getLogger(__name__)
_IDLE_S = 0.5


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker works.

    Attributes:
        threads: runs looked at at once.
        lease_s: seconds after which another takes over a run whose worker was killed.
        pace: how often a run is looked at.
    """

    threads: int = 8
    lease_s: float = 60.0
    pace: Pace = field(default_factory=Pace)


class Worker:
    """One of any number, in one process or several.

    Args:
        store: what is known of runs.
        backend_of: a domain → where its jobs run.
        strategies: the policies.
        settings: how it works.
        now: the time.
    """

    def __init__(
        self,
        store: Store,
        backend_of: Callable[[str], Backend],
        *,
        strategies: Strategies | None = None,
        settings: WorkerSettings | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store, self._backend_of, self._now = store, backend_of, now
        self._strategies = strategies or Strategies()
        self.settings = settings or WorkerSettings()
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._woken = threading.Event()
        self._lock = threading.Lock()
        # runs that threads are at, with what backends have told of them meanwhile
        self._looked_at: dict[str, Observation | None] = {}

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def hear(self, seen: Observation) -> None:
        """A backend tells of a job by itself.

        Raises:
            Transient: the store does not answer.
        """
        # an attempt's name is its run's and a number
        run_id = seen.name.rpartition("-")[0]
        with self._lock:
            if run_id in self._looked_at:
                # what was seen of it there may be older
                self._looked_at[run_id] = seen
                return
        try:
            run = self._store.get(run_id)
        except NotFound:
            # of another Runner
            return
        now = self._now()
        if run.due_at and run.due_at > now and advance.is_news(run, seen):
            self._store.touch(run_id, now)
            self.wake()

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        busy: set[Future[None]] = set()
        with ThreadPoolExecutor(self.settings.threads, "runner") as pool:
            while not stop.is_set():
                busy = {each for each in busy if not each.done()}
                free = self.settings.threads - len(busy)
                claimed = self._claim(free) if free else []
                for each in claimed:
                    done = pool.submit(self._look, each)
                    done.add_done_callback(lambda _: self._woken.set())
                    busy.add(done)
                if len(claimed) < free or not free:
                    self._woken.wait(_IDLE_S)
                    self._woken.clear()

    def step(self) -> int:
        """Look at what is due now, in this thread; how many runs that were."""
        claimed = self._claim(self.settings.threads)
        for each in claimed:
            self._look(each)
        return len(claimed)

    def _claim(self, limit: int) -> list[Run]:
        try:
            return self._store.claim(
                self.name, self._now(), lease_s=self.settings.lease_s, limit=limit
            )
        except Transient as error:
            _LOG.warning("no run can be taken: %s", error.message)
            return []

    def _look(self, run: Run) -> None:
        with self._lock:
            self._looked_at[run.run_id] = None
        after = self._brought_on(run)
        with self._lock:
            heard = self._looked_at.pop(run.run_id)
        if heard is not None and (after is None or advance.is_news(after, heard)):
            try:
                self.hear(heard)
            except Transient as error:
                _LOG.warning("run %s: %s", run.run_id, error.message)

    def _brought_on(self, run: Run) -> Run | None:
        """The run after all that could be done; None where something was in the way."""
        try:
            return self._bring_on(run)
        except Transient as error:
            self._put_off(run, error.message, error.retry_after_s)
        except PlatformError as error:
            self._put_off(run, str(error), None)
        except Exception:
            _LOG.exception("run %s", run.run_id)
            self._put_off(run, "the Runner itself failed; its log says how", None)
        return None

    def _put_off(self, run: Run, why: str, wait_s: float | None) -> None:
        """Let go of a run that could not be brought on, and say why to whoever checks it."""
        wait_s = self.settings.pace.steady_s if wait_s is None else wait_s
        _LOG.warning("run %s: %s; again in %g s", run.run_id, why, wait_s)
        due = self._now() + timedelta(seconds=wait_s)
        try:
            # it may be further than it was when it was claimed
            run = self._store.get(run.run_id)
            self._save(run, replace(run, reason=why, due_at=due))
        except PlatformError as error:
            # its lease will be over
            _LOG.warning("run %s: %s", run.run_id, error.message)

    def _bring_on(self, run: Run) -> Run:
        """Do all that can be done at once."""
        while True:
            try:
                going_on, run = self._do(run)
            except Changed:
                run = self._store.get(run.run_id)
                if run.state.ended:
                    return run
                continue
            if not going_on:
                return run

    def _do(self, run: Run) -> tuple[bool, Run]:
        """One step; whether another may follow now, and the run after it."""
        step, now = advance.next_step(run), self._now()
        if step is Step.NOTHING:
            return False, run
        if step is Step.GIVE_UP:
            return False, self._save(run, advance.cancelled(run, now))
        if step is Step.BEGIN:
            return True, self._begin(run)
        backend = self._backend_of(run.job.domain)
        attempt = run.current
        assert attempt is not None
        name = attempt.spec.name
        if step is Step.CANCEL:
            try:
                backend.cancel(name)
            except NotFound:
                return False, self._save(run, advance.cancelled(run, now))
            after = advance.stopping(run, now, self.settings.pace)
            return True, self._save(run, after, keep=True)
        if step is Step.SUBMIT:
            try:
                seen = backend.submit(attempt.spec)
            except (InvalidInput, Conflict, Forbidden, Terminal) as error:
                return False, self._refused(run, backend.name, error)
        else:
            try:
                seen = backend.observe(name)
            except NotFound:
                seen = Observation(name, RunState.CANCELLED, reason="its application is gone")
        return False, self._take(run, seen, backend.name)

    def _begin(self, run: Run) -> Run:
        number, now = len(run.attempts) + 1, self._now()
        chosen = self._strategies.choose_parameters(run, number)
        outcome = {key: value for key, value in asdict(chosen).items() if key != "why"}
        said = Decision("choose_parameters", number, outcome, chosen.why, now)
        return self._save(run, advance.begun(run, chosen, now), [said], keep=True)

    def _take(self, run: Run, seen: Observation, backend: str) -> Run:
        now = self._now()
        if not seen.state.ended:
            after = advance.observed(run, seen, backend, now, self.settings.pace)
            said = self._ask_while_running(after, seen, now)
            if said is not None:
                after = replace(after, cancel_reason=said.why, due_at=now)
            return self._save(run, after, [said] if said else [])
        return self._end(run, seen, backend)

    def _ask_while_running(self, run: Run, seen: Observation, now: datetime) -> Decision | None:
        attempt = run.current
        assert attempt is not None
        if seen.state is not RunState.RUNNING or run.cancel_reason:
            return None
        said = self._strategies.while_running(run, attempt, seen, now)
        if not isinstance(said, Stop):
            return None
        return Decision("while_running", attempt.number, {"action": "stop"}, said.why, now)

    def _refused(self, run: Run, backend: str, error: PlatformError) -> Run:
        attempt = run.current
        assert attempt is not None
        seen = Observation(attempt.spec.name, RunState.FAILED, reason=f"refused: {error.message}")
        return self._end(run, seen, backend, Failure(FailureClass.USER, "its backend refuses it"))

    def _end(
        self, run: Run, seen: Observation, backend: str, failure: Failure | None = None
    ) -> Run:
        now = self._now()
        after, failure = advance.ended(run, seen, backend, now, failure)
        if failure is None:
            return self._save(run, after)
        attempt = after.current
        assert attempt is not None
        decision = self._strategies.after_failure(after, attempt, seen, failure)
        outcome = {
            "action": type(decision).__name__,
            "class": failure.kind.value,
            "rule": failure.rule,
            **{key: value for key, value in asdict(decision).items() if key != "why"},
        }
        said = Decision("after_failure", attempt.number, outcome, decision.why, now)
        return self._save(run, advance.failed(after, decision, now), [said])

    def _save(
        self,
        before: Run,
        after: Run,
        decisions: list[Decision] | None = None,
        *,
        keep: bool = False,
    ) -> Run:
        if not keep and not decisions and advance.is_same(before, after):
            return self._store.put_off(after)
        steps = advance.steps_between(before, after, self._now())
        return self._store.save(after, steps, decisions or (), keep=keep)
