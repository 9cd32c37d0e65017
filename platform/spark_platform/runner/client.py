"""The Runner's clients, for threads and for asyncio: the same calls, the same errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import TypeAdapter

from spark_platform.kernel.errors import TimedOut, Transient
from spark_platform.kernel.statuses import error_of
from spark_platform.model import Job, RunState
from spark_platform.runner.documents import HistoryDocument, RunDocument

if TYPE_CHECKING:
    import httpx

__all__ = ["AsyncRunnerClient", "RunnerClient"]

T = TypeVar("T")
_JOB: TypeAdapter[Job] = TypeAdapter(Job)
_ANSWERS_WITHIN_S = 30.0
_ASKS_FOR_S = 20.0


class _Call(Generic[T]):
    """One request, and what its answer is read as."""

    def __init__(
        self,
        read: Callable[[httpx.Response], T],
        method: str,
        path: str,
        *,
        params: Any = None,
        json: Any = None,
    ) -> None:
        self.read, self.method, self.path = read, method, path
        self.options = {"params": params or {}, "json": json}

    def answered(self, response: httpx.Response) -> T:
        """The value of an answer; raises the error that it tells of."""
        if response.is_success:
            return self.read(response)
        try:
            document = response.json()
        except ValueError:
            document = None
        raise error_of(response.status_code, document, f"{self.method} {self.path}")


def _run(response: httpx.Response) -> RunDocument:
    return RunDocument.model_validate(response.json())


def _submit(token: str, job: Job) -> _Call[RunDocument]:
    body = {"token": token, "job": _JOB.dump_python(job, mode="json")}
    return _Call(_run, "POST", "/v1/runs", json=body)


def _check(run_id: str, known: int, wait_s: float) -> _Call[RunDocument]:
    params = {"version": known, "wait_s": wait_s}
    return _Call(_run, "GET", f"/v1/runs/{run_id}", params=params)


def _cancel(run_id: str, reason: str) -> _Call[RunDocument]:
    return _Call(_run, "POST", f"/v1/runs/{run_id}/cancel", json={"reason": reason})


def _list(
    states: Sequence[RunState], name: str, after: str, limit: int
) -> _Call[list[RunDocument]]:
    params = {
        "state": [each.value for each in states], "name": name, "after": after, "limit": limit
    }  # fmt: skip

    def read(response: httpx.Response) -> list[RunDocument]:
        return [RunDocument.model_validate(each) for each in response.json()["runs"]]

    return _Call(read, "GET", "/v1/runs", params=params)


def _history(run_id: str) -> _Call[HistoryDocument]:
    def read(response: httpx.Response) -> HistoryDocument:
        return HistoryDocument.model_validate(response.json())

    return _Call(read, "GET", f"/v1/runs/{run_id}/history")


def _logs(run_id: str, attempt: int, tail: int | None) -> _Call[str]:
    params = {"attempt": attempt} | ({"tail": tail} if tail else {})
    return _Call(lambda response: response.text, "GET", f"/v1/runs/{run_id}/logs", params=params)


class RunnerClient:
    """Asks a Runner.

    Args:
        url: of the Runner: ``SPARK_RUNNER_URL``.
        token: a bearer token of the domain whose runs are meant.

    Every method raises the error that the Runner tells of, ``Transient`` where it does not answer.
    """

    def __init__(self, url: str, token: str) -> None:
        import httpx

        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_ANSWERS_WITHIN_S,
            # the user's proxy need not reach it
            trust_env=False,
        )

    def __enter__(self) -> RunnerClient:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def submit(self, token: str, job: Job) -> RunDocument:
        """Submit a job: the same idempotency token and job is the same run, however often."""
        return self._ask(_submit(token, job))

    def check(self, run_id: str, *, known: int = -1, wait_s: float = 0.0) -> RunDocument:
        """A run; with ``wait_s`` as soon as its version is not ``known``, or then."""
        return self._ask(_check(run_id, known, wait_s))

    def cancel(self, run_id: str, reason: str = "") -> RunDocument:
        """Have a run end soon."""
        return self._ask(_cancel(run_id, reason))

    def list(
        self,
        *,
        states: Sequence[RunState] = (),
        name: str = "",
        after: str = "",
        limit: int = 100,
    ) -> list[RunDocument]:
        """Runs of the domain, the newest first; ``after`` is the last id of the page before."""
        return self._ask(_list(states, name, after, limit))

    def history(self, run_id: str) -> HistoryDocument:
        """All that befell a run."""
        return self._ask(_history(run_id))

    def logs(self, run_id: str, *, attempt: int = 0, tail: int | None = None) -> str:
        """What the driver of an attempt has printed; of the newest where it is 0."""
        return self._ask(_logs(run_id, attempt, tail))

    def follow(self, run_id: str, *, timeout_s: float) -> Iterator[RunDocument]:
        """A run each time that it has changed, until it has ended.

        A Runner that is away meanwhile, or another of its replicas, goes on where it was.

        Raises:
            TimedOut: it has not ended in so many seconds.
        """
        deadline, known = time.monotonic() + timeout_s, -1
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimedOut(f"run {run_id} has not ended within {timeout_s:g} s")
            try:
                run = self.check(run_id, known=known, wait_s=min(left_s, _ASKS_FOR_S))
            except Transient as error:
                time.sleep(min(left_s, error.retry_after_s or 1.0))
                continue
            if run.version != known:
                known = run.version
                yield run
            if run.state.ended:
                return

    def _ask(self, call: _Call[T]) -> T:
        import httpx

        try:
            response = self._http.request(call.method, call.path, **call.options)
        except httpx.TransportError as error:
            raise _away(error) from error
        return call.answered(response)


class AsyncRunnerClient:
    """``RunnerClient`` for asyncio."""

    def __init__(self, url: str, token: str) -> None:
        import httpx

        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_ANSWERS_WITHIN_S,
            trust_env=False,
        )

    async def __aenter__(self) -> AsyncRunnerClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()

    async def submit(self, token: str, job: Job) -> RunDocument:
        """See ``RunnerClient``, as all of these."""
        return await self._ask(_submit(token, job))

    async def check(self, run_id: str, *, known: int = -1, wait_s: float = 0.0) -> RunDocument:
        return await self._ask(_check(run_id, known, wait_s))

    async def cancel(self, run_id: str, reason: str = "") -> RunDocument:
        return await self._ask(_cancel(run_id, reason))

    async def list(
        self,
        *,
        states: Sequence[RunState] = (),
        name: str = "",
        after: str = "",
        limit: int = 100,
    ) -> list[RunDocument]:
        return await self._ask(_list(states, name, after, limit))

    async def history(self, run_id: str) -> HistoryDocument:
        return await self._ask(_history(run_id))

    async def logs(self, run_id: str, *, attempt: int = 0, tail: int | None = None) -> str:
        return await self._ask(_logs(run_id, attempt, tail))

    async def _ask(self, call: _Call[T]) -> T:
        import httpx

        try:
            response = await self._http.request(call.method, call.path, **call.options)
        except httpx.TransportError as error:
            raise _away(error) from error
        return call.answered(response)


def _away(error: Exception) -> Transient:
    return Transient(
        f"the Runner does not answer: {error}",
        hint="is it up? `spark-testkit status`, or SPARK_RUNNER_URL of another one",
    )
