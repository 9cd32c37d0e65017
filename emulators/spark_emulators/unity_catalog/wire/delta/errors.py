"""The one place where exceptions become the error answers of Delta's API."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from spark_emulators.unity_catalog.errors import (
    CommitVersionConflict,
    FailedPrecondition,
    NoSuch,
    RequirementConflict,
    TooMany,
    Unsupported,
    UnsupportedTableFormat,
)
from spark_emulators.unity_catalog.securables import Kind
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PlatformError,
    TimedOut,
    Transient,
    Unauthenticated,
)

__all__ = ["error_answer", "invalid", "refusal", "refused"]

_LOG = logging.getLogger(__name__)
_MALFORMED = "BadRequestException"

# types as in the open-source server's ErrorCode; clients decide by them
_ANSWERS: Mapping[type[BaseException], tuple[int, str]] = {
    Unsupported: (501, "NotImplementedException"),
    UnsupportedTableFormat: (400, "UnsupportedTableFormatException"),
    InvalidInput: (400, "InvalidParameterValueException"),
    FailedPrecondition: (400, "InvalidParameterValueException"),
    CommitVersionConflict: (409, "CommitVersionConflictException"),
    RequirementConflict: (409, "UpdateRequirementConflictException"),
    TooMany: (429, "ResourceExhaustedException"),
    Unauthenticated: (401, "NotAuthorizedException"),
    Forbidden: (403, "PermissionDeniedException"),
    NotFound: (404, "NotFoundException"),
    Conflict: (409, "AlreadyExistsException"),
    Transient: (503, "InternalServerErrorException"),
    TimedOut: (503, "InternalServerErrorException"),
}
_TYPES = {
    400: _MALFORMED,
    401: "NotAuthorizedException",
    403: "PermissionDeniedException",
    404: "NotFoundException",
    409: "CommitVersionConflictException",
    429: "TooManyRequestsException",
    501: "NotImplementedException",
}
_MISSING = {
    Kind.CATALOG: "NoSuchCatalogException",
    Kind.SCHEMA: "NoSuchSchemaException",
    Kind.TABLE: "NoSuchTableException",
}
# what pydantic says of a body that is none, or of an action that nobody knows
_NO_BODY = ("json_invalid", "union_tag_invalid", "union_tag_not_found")


def error_answer(error: Exception) -> Response:
    """The answer for ``error``: by its class, else by the nearest of its base classes.

    An error nobody foresaw is 500; what it says goes to the log, for it may quote anything.
    """
    if isinstance(error, NoSuch):
        return _answer(404, _MISSING.get(error.kind, "NotFoundException"), str(error))
    for kind in type(error).__mro__:
        if kind in _ANSWERS:
            assert isinstance(error, PlatformError)
            return _answer(*_ANSWERS[kind], str(error))
    _LOG.error("cannot answer a request", exc_info=error)
    return _answer(500, "InternalServerErrorException", "the catalog failed; its log says why")


def refusal(status: int, message: str) -> Response:
    """An error of a status, whatever its reason."""
    return _answer(status, _TYPES.get(status, "InternalServerErrorException"), message)


async def invalid(_request: Request, error: Exception) -> Response:
    """The answer to a request whose parts are not what they should be."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    told = "; ".join(
        f"{'.'.join(map(str, problem['loc'][1:])) or 'body'}: {problem['msg']}"
        for problem in problems
    )
    if any(problem["type"] in _NO_BODY for problem in problems):
        return _answer(400, _MALFORMED, f"bad request: {told}")
    return error_answer(InvalidInput(f"bad request: {told}"))


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that no endpoint takes."""
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return refusal(404, f"no API answers {request.method} {request.url.path}")
    return refusal(400, f"bad request: {error.detail}")


def _answer(status: int, name: str, message: str) -> Response:
    body = {"error": {"message": message, "type": name, "code": status}}
    return JSONResponse(body, status_code=status)
