"""The one place where exceptions become the error answers of Delta's API."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spark_emulators.unity_catalog.errors import (
    CommitVersionConflict,
    FailedPrecondition,
    RequirementConflict,
    TooMany,
    Unsupported,
    UnsupportedTableFormat,
)
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.wire.typed_errors import TypedErrors
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TimedOut,
    Transient,
    Unauthenticated,
)

__all__ = ["error_answer", "invalid", "refusal", "refused"]

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

_ERRORS = TypedErrors(
    _ANSWERS,
    _TYPES,
    _MISSING,
    not_found="NotFoundException",
    failed="InternalServerErrorException",
)
error_answer, refusal = _ERRORS.error_answer, _ERRORS.refusal


async def invalid(_request: Request, error: Exception) -> Response:
    """The answer to a request whose parts are not what they should be."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    told = "; ".join(
        f"{'.'.join(map(str, problem['loc'][1:])) or 'body'}: {problem['msg']}"
        for problem in problems
    )
    if any(problem["type"] in _NO_BODY for problem in problems):
        return _ERRORS.answer(400, _MALFORMED, f"bad request: {told}")
    return error_answer(InvalidInput(f"bad request: {told}"))


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that no endpoint takes."""
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return refusal(404, f"no API answers {request.method} {request.url.path}")
    return refusal(400, f"bad request: {error.detail}")
