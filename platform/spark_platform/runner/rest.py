"""The Runner over HTTP: ``/v1/runs``. OpenAPI is at ``/openapi.json``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_platform.backends.backend import Backend
from spark_platform.identity import Caller, Verifier, bearer
from spark_platform.kernel.errors import InvalidInput, NotFound, PlatformError, Transient
from spark_platform.kernel.statuses import document_of, http_status_of
from spark_platform.model import Job, RunState
from spark_platform.runner.documents import (
    HistoryDocument,
    RunDocument,
    history_document,
    run_document,
)
from spark_platform.runner.service import Runner

__all__ = ["create_app"]

_LARGEST_BODY = 1 << 20
_LONGEST_WAIT_S = 60.0
_LOOKS_EVERY_S = 0.2


class Submission(BaseModel):
    """A job, and the token that stands for this request for ever."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(description="The same token and job is the same run.")
    job: Job


class Cancellation(BaseModel):
    """Why a run is to end."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=1000)


class RunList(BaseModel):
    """A page of runs, the newest first."""

    runs: list[RunDocument]
    after: str = Field(description="Asks for the next page; empty where this is the last one.")


def create_app(
    runner: Runner,
    verifier: Verifier,
    backend_of: Callable[[str], Backend],
    *,
    lifespan: Callable[[Any], Any] | None = None,
) -> FastAPI:
    """The door.

    Args:
        runner: what it leads to.
        verifier: tells who asks; each sees the runs of its own domain only.
        backend_of: a domain → where its jobs run, for their logs.
        lifespan: what is to be there while it serves: Starlette's.
    """
    app = FastAPI(
        title="Spark Runner", version="1", docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.runner, app.state.verifier, app.state.backend_of = runner, verifier, backend_of
    app.add_exception_handler(PlatformError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(_WithinLimits)
    app.include_router(routes)
    return app


# async, since FastAPI has a thread call what is not
async def _runner(request: Request) -> Runner:
    found: Runner = request.app.state.runner
    return found


def _caller(request: Request, authorization: Annotated[str | None, Header()] = None) -> Caller:
    verifier: Verifier = request.app.state.verifier
    return verifier.verify(bearer(authorization))


Asked = Annotated[Runner, Depends(_runner)]
Known = Annotated[Caller, Depends(_caller)]
routes = APIRouter()


@routes.get("/healthz", include_in_schema=False)
def healthz(runner: Asked) -> PlainTextResponse:
    runner.list(limit=1)
    return PlainTextResponse("ok")


@routes.post("/v1/runs", status_code=201)
def submit(body: Submission, runner: Asked, who: Known, response: Response) -> RunDocument:
    """Submit a job: 201 for a new run, 200 for the one that its token stands for already."""
    run, new = runner.submit(body.token, body.job, domain=who.domain)
    if not new:
        response.status_code = 200
    return run_document(run)


@routes.get("/v1/runs")
def list_(
    runner: Asked,
    who: Known,
    state: Annotated[list[RunState], Query()] = [],  # noqa: B006
    name: str = "",
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunList:
    """The runs of the caller's domain."""
    found = runner.list(domain=who.domain, states=state, name=name, after=after, limit=limit)
    last = found[-1].run_id if len(found) == limit else ""
    return RunList(runs=[run_document(each) for each in found], after=last)


@routes.get("/v1/runs/{run_id}")
async def check(
    run_id: str,
    runner: Asked,
    who: Known,
    wait_s: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S)] = 0.0,
    version: Annotated[int, Query(description="What the caller has already.")] = -1,
) -> RunDocument:
    """A run; with ``wait_s`` as soon as it has another version, or then."""
    deadline = anyio.current_time() + wait_s
    while True:
        run = await anyio.to_thread.run_sync(lambda: runner.check(run_id, domain=who.domain))
        if run.version != version or run.state.ended or anyio.current_time() >= deadline:
            return run_document(run)
        await anyio.sleep(_LOOKS_EVERY_S)


@routes.get("/v1/runs/{run_id}/history")
def history(run_id: str, runner: Asked, who: Known) -> HistoryDocument:
    """Every transition of a run, and every decision about it."""
    return history_document(runner.history(run_id, domain=who.domain))


@routes.get("/v1/runs/{run_id}/logs")
def logs(
    run_id: str,
    request: Request,
    runner: Asked,
    who: Known,
    attempt: Annotated[int, Query(ge=0, description="0 for the newest.")] = 0,
    tail: Annotated[int | None, Query(ge=1)] = None,
) -> PlainTextResponse:
    """What the driver of an attempt has printed."""
    run = runner.check(run_id, domain=who.domain)
    wanted = attempt or len(run.attempts)
    if not 1 <= wanted <= len(run.attempts):
        raise NotFound(f"run {run_id} has no attempt {wanted}")
    spec = run.attempts[wanted - 1].spec
    return PlainTextResponse(request.app.state.backend_of(run.job.domain).logs(spec.name, tail))


@routes.post("/v1/runs/{run_id}/cancel")
def cancel(run_id: str, runner: Asked, who: Known, body: Cancellation | None = None) -> RunDocument:
    """Have a run end soon; one that has ended stays as it is."""
    reason = body.reason if body and body.reason else f"{who.user} cancelled it"
    return run_document(runner.cancel(run_id, reason, domain=who.domain))


async def _refused(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, PlatformError)
    return _answer(error)


def _answer(error: PlatformError) -> JSONResponse:
    headers = {}
    if isinstance(error, Transient):
        headers["Retry-After"] = str(int(error.retry_after_s or 1))
    return JSONResponse(document_of(error), http_status_of(error), headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    del request
    assert isinstance(error, RequestValidationError)
    problems = [f"{_place(each['loc'])}: {each['msg']}" for each in error.errors()]
    return _answer(InvalidInput("; ".join(problems)))


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(str(each) for each in location if each != "body") or "body"


class _WithinLimits:
    """Refuses bodies that are too large before they are read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self._app
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            length = headers.get("content-length", "0")
            unknown = "transfer-encoding" in headers or not length.isdigit()
            if unknown or int(length) > _LARGEST_BODY:
                limit = f"the body is of unknown length, or larger than {_LARGEST_BODY} bytes"
                answer = _answer(InvalidInput(limit))
        await answer(scope, receive, send)
