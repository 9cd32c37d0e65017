"""Unity Catalog's REST API, put together; its OpenAPI is at ``/openapi.json`` below it."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.wire.uc import (
    containers,
    delta,
    functions,
    metastore,
    registered_models,
    storage,
    tables,
    temporary_credentials,
    volumes,
)
from spark_emulators.unity_catalog.wire.uc.errors import PUBLISHED, error_answer
from spark_platform.kernel.errors import InvalidInput, NotFound

__all__ = ["invalid", "refused", "uc_app"]

_ROUTERS = (
    *(containers, tables, volumes, functions, registered_models, storage, metastore),
    temporary_credentials,
    delta,
)


def uc_app(domain: Domain) -> FastAPI:
    """The API of one server."""
    app = FastAPI(
        title="Unity Catalog",
        version="2.1",
        docs_url=None,
        redoc_url=None,
        responses=PUBLISHED,
        exception_handlers={
            RequestValidationError: invalid,
            HTTPException: refused,
        },
    )
    for module in _ROUTERS:
        app.include_router(module.router(domain))
    return app


async def invalid(_request: Request, error: Exception) -> Response:
    """The answer to a request whose parts are not what they should be."""
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(
        f"{'.'.join(map(str, problem['loc'][1:])) or 'body'}: {problem['msg']}"
        for problem in error.errors()
    )
    return error_answer(InvalidInput(f"bad request: {problems}"))


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that no endpoint takes."""
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return error_answer(NotFound(f"no API answers {request.method} {request.url.path}"))
    return error_answer(InvalidInput(f"bad request: {error.detail}"))
