"""The web application: which request is ours, and which moto's."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spark_emulators.emr.domain import Domain
from spark_emulators.emr.wire import applications, clusters, jobruns
from spark_emulators.emr.wire.messages import (
    JSON,
    REST,
    Answer,
    Call,
    error_answer,
    json_answer,
)
from spark_emulators.emr.wire.moto import Moto

__all__ = ["create_app"]

_TARGET = "ElasticMapReduce."
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")
_APPLICATION = r"/applications/(?P<application>[0-9a-z]+)"
_RUN = rf"{_APPLICATION}/jobruns/(?P<run>[0-9a-z]+)"
_Handler = Callable[[Domain, Moto, Call], Answer]


def _ours(handler: Callable[[Domain, Call], Answer]) -> _Handler:
    return lambda domain, _moto, call: handler(domain, call)


_ROUTES: tuple[tuple[str, str, _Handler], ...] = (
    ("POST", r"/applications", applications.create),
    ("GET", r"/applications", applications.list_all),
    ("GET", _APPLICATION, applications.get),
    ("PATCH", _APPLICATION, applications.update),
    ("DELETE", _APPLICATION, applications.forward),
    ("POST", rf"{_APPLICATION}/start", applications.forward),
    ("POST", rf"{_APPLICATION}/stop", applications.stop),
    ("POST", rf"{_APPLICATION}/jobruns", _ours(jobruns.start)),
    ("GET", rf"{_APPLICATION}/jobruns", _ours(jobruns.list_runs)),
    ("GET", _RUN, _ours(jobruns.get)),
    ("DELETE", _RUN, _ours(jobruns.cancel)),
    ("GET", rf"{_RUN}/attempts", _ours(jobruns.list_attempts)),
)
# What roles of jobs are made with; moto's other services would only hide a wrong endpoint.
_MOTOS = {"sts", "iam"}


def create_app(domain: Domain) -> Starlette:
    """The server's application; it ends the domain's jobs when it stops."""
    moto = Moto()

    async def serve(request: Request) -> Response:
        call = Call(
            request.method,
            request.url.path,
            request.url.query,
            {key.lower(): value for key, value in request.headers.items()},
            await request.body(),
        )
        answer = await run_in_threadpool(_answer, domain, moto, call)
        return Response(answer.content, answer.status, dict(answer.headers))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # moto takes longer to load than everything else; requests for it wait, readiness does not
        threading.Thread(target=moto.load, name="warm-up", daemon=True).start()
        yield
        await run_in_threadpool(domain.close)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [Route("/healthz", health), Route("/{path:path}", serve, methods=_METHODS)]
    return Starlette(routes=routes, lifespan=lifespan)


def _answer(domain: Domain, moto: Moto, call: Call) -> Answer:
    target = call.headers.get("x-amz-target", "")
    protocol = JSON if target else REST
    try:
        return _handler(call, target)(domain, moto, call)
    except Exception as error:
        return error_answer(error, protocol)


def _handler(call: Call, target: str) -> _Handler:
    scope = _SCOPE.search(call.headers.get("authorization", ""))
    service = scope["service"] if scope else ""
    if target.startswith(_TARGET):
        operation = target.removeprefix(_TARGET)
        return clusters.OPERATIONS.get(operation, lambda _domain, moto, each: moto(each))
    if service in _MOTOS:
        return lambda _domain, moto, each: moto(each)
    if service in ("", "emr-serverless"):
        for method, pattern, handler in _ROUTES:
            found = re.fullmatch(pattern, call.path)
            if found and method == call.method:
                groups = found.groupdict()
                return lambda domain, moto, each: handler(
                    domain, moto, replace(each, groups=groups)
                )
    return partial(_unknown, service or "emr-serverless", bool(target))


def _unknown(service: str, is_json: bool, _domain: Domain, _moto: Moto, call: Call) -> Answer:
    kind = "UnknownOperationException"
    message = f"{service}: {call.method} {call.path} is not emulated"
    body = {"__type": kind, "message": message}
    return json_answer(body, JSON if is_json else REST, 404, kind)
