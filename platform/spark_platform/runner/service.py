"""The Runner's one service: every door calls this."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from spark_platform.kernel.errors import Forbidden, InvalidInput, NotFound
from spark_platform.kernel.wait import Clock, NotYet, poll
from spark_platform.model import Job, RunState
from spark_platform.runner.advance import steps_between
from spark_platform.runner.images import ImageCatalogue
from spark_platform.runner.records import Run, run_id_of
from spark_platform.runner.store import Changed, History, Store

__all__ = ["Runner"]

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_LOOKS_EVERY_S = 0.1
_MOST_LISTED = 1000


class Runner:
    """Submit, Check, Cancel. Several of them may share one store.

    Args:
        store: what is known.
        images: which image an engine means.
        woken: called when there is something to do at once.
        now: the time.
    """

    def __init__(
        self,
        store: Store,
        images: ImageCatalogue,
        *,
        woken: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store, self._images, self._woken, self._now = store, images, woken, now

    def submit(self, token: str, job: Job, *, domain: str = "") -> tuple[Run, bool]:
        """Accept a job, once for each token of a domain.

        Args:
            domain: whose it must be. Empty for any.

        Returns:
            The run, and whether it is a new one.

        Raises:
            Forbidden: it is another domain's.
            InvalidInput: the token or the engine cannot be.
            Conflict: the token was used for another job.
        """
        if domain and job.domain != domain:
            raise Forbidden(
                f"job.domain is {job.domain!r}, and the token is of {domain!r}",
                hint="submit with a token of the job's domain",
            )
        if not _TOKEN.fullmatch(token):
            shown = token if len(token) <= 40 else f"{token[:40]}… ({len(token)} characters)"
            raise InvalidInput(
                f"idempotency token {shown!r} is not allowed",
                hint="1 to 128 of A-Z, a-z, 0-9 and ._:/-, a letter or digit first",
            )
        now = self._now()
        image = self._images.resolve(job.engine)
        run = Run(run_id_of(job, token), token, job, image, created_at=now, due_at=now)
        kept, new = self._store.accept(run)
        if new:
            self._woken()
        return kept, new

    def check(self, run_id: str, *, domain: str = "") -> Run:
        """How it is with a run.

        Args:
            domain: whose it must be; one of another domain is not there. Empty for any.

        Raises:
            NotFound: there is no such run.
        """
        found = self._store.get(run_id)
        if domain and found.job.domain != domain:
            raise NotFound(f"there is no run {run_id}")
        return found

    def history(self, run_id: str, *, domain: str = "") -> History:
        """What befell a run: its transitions and the strategies' decisions.

        Raises:
            NotFound: there is no such run.
        """
        self.check(run_id, domain=domain)
        return self._store.history(run_id)

    def list(
        self,
        *,
        domain: str = "",
        states: Sequence[RunState] = (),
        name: str = "",
        after: str = "",
        limit: int = 100,
    ) -> list[Run]:
        """Runs, the newest first.

        Args:
            after: the id of the last run of the page before.
            limit: how many, at most 1000.

        Raises:
            InvalidInput: the limit cannot be.
            NotFound: there is no run ``after``.
        """
        if not 1 <= limit <= _MOST_LISTED:
            raise InvalidInput(f"limit is {limit}", hint=f"1 to {_MOST_LISTED}")
        before = self.check(after, domain=domain) if after else None
        return self._store.page(domain=domain, states=states, name=name, before=before, limit=limit)

    def cancel(self, run_id: str, reason: str = "", *, domain: str = "") -> Run:
        """Have a run end soon. One that has ended, or ends already, is left as it is.

        Raises:
            NotFound: there is no such run.
        """
        while True:
            run = self.check(run_id, domain=domain)
            if run.state.ended or run.cancel_reason:
                return run
            now = self._now()
            asked = replace(run, cancel_reason=reason or "it was cancelled", due_at=now)
            try:
                # whoever works on it goes on from there
                saved = self._store.save(asked, steps_between(run, asked, now), keep=True)
            except Changed:
                continue
            self._woken()
            return saved

    def wait(
        self,
        run_id: str,
        *,
        known: int = -1,
        domain: str = "",
        timeout_s: float,
        clock: Clock | None = None,
    ) -> Run:
        """A run as soon as it is of another version than ``known``, or has ended.

        Args:
            known: the version that the caller has; none of them to wait for the run's end.
            timeout_s: seconds to wait.

        Raises:
            NotFound: there is no such run.
            TimedOut: nothing of it happened.
        """

        def changed() -> Run:
            run = self.check(run_id, domain=domain)
            if run.state.ended or (known >= 0 and run.version != known):
                return run
            raise NotYet(f"it is {run.state.value}: {run.reason}".rstrip(": "))

        what = f"run {run_id}"
        return poll(changed, what=what, timeout_s=timeout_s, interval_s=_LOOKS_EVERY_S, clock=clock)
