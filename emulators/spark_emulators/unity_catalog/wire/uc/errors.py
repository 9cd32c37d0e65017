"""The one place where exceptions become Unity Catalog's error answers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from spark_emulators.unity_catalog.errors import (
    AlreadyExists,
    CommitVersionConflict,
    FailedPrecondition,
    NoSuch,
    NotEmpty,
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

__all__ = ["PUBLISHED", "answer", "error_answer", "refusal"]

_LOG = logging.getLogger(__name__)
_REASON = "type.googleapis.com/google.rpc.ErrorInfo"

# HTTP statuses as in the open-source server's ErrorCode; 503 is Databricks' own
_ANSWERS: Mapping[type[BaseException], tuple[int, str]] = {
    Unsupported: (501, "UNIMPLEMENTED"),
    UnsupportedTableFormat: (400, "UNSUPPORTED_TABLE_FORMAT"),
    InvalidInput: (400, "INVALID_ARGUMENT"),
    FailedPrecondition: (400, "FAILED_PRECONDITION"),
    CommitVersionConflict: (409, "COMMIT_VERSION_CONFLICT"),
    RequirementConflict: (409, "UPDATE_REQUIREMENT_CONFLICT"),
    TooMany: (429, "RESOURCE_EXHAUSTED"),
    Unauthenticated: (401, "UNAUTHENTICATED"),
    Forbidden: (403, "PERMISSION_DENIED"),
    NotFound: (404, "NOT_FOUND"),
    Conflict: (409, "ABORTED"),
    Transient: (503, "TEMPORARILY_UNAVAILABLE"),
    TimedOut: (503, "TEMPORARILY_UNAVAILABLE"),
}
_FINER = (
    *("FAILED_PRECONDITION", "COMMIT_VERSION_CONFLICT"),
    *("UPDATE_REQUIREMENT_CONFLICT", "UNSUPPORTED_TABLE_FORMAT"),
)
_CODES = {status: code for status, code in _ANSWERS.values() if code not in _FINER}
_MISSING = {
    Kind.CATALOG: "CATALOG_NOT_FOUND",
    Kind.SCHEMA: "SCHEMA_NOT_FOUND",
    Kind.TABLE: "TABLE_NOT_FOUND",
}
_TAKEN = {
    Kind.CATALOG: (400, "CATALOG_ALREADY_EXISTS"),
    Kind.SCHEMA: (400, "SCHEMA_ALREADY_EXISTS"),
    Kind.TABLE: (400, "TABLE_ALREADY_EXISTS"),
    Kind.CREDENTIAL: (400, "STORAGE_CREDENTIAL_ALREADY_EXISTS"),
    Kind.EXTERNAL_LOCATION: (400, "EXTERNAL_LOCATION_ALREADY_EXISTS"),
    Kind.MODEL: (409, "ALREADY_EXISTS"),
}
_TAKEN_OTHER = (400, "RESOURCE_ALREADY_EXISTS")
_FULL = {Kind.MODEL: (409, "ABORTED")}
_FULL_OTHER = (400, "FAILED_PRECONDITION")


class _Detail(BaseModel):
    type: str = Field(alias="@type")
    reason: str


class _Error(BaseModel):
    """What every error says."""

    error_code: str
    message: str
    details: list[_Detail]


PUBLISHED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": _Error, "description": "The request is refused"},
    "5XX": {"model": _Error, "description": "The catalog cannot answer now"},
}
"""What OpenAPI documents say of errors, wherever these are answered."""


def error_answer(error: Exception) -> Response:
    """The answer for ``error``: by its class and by what it is about.

    An error nobody foresaw is 500; what it says goes to the log, for it may quote anything.
    """
    if not isinstance(error, PlatformError):
        _LOG.error("cannot answer a request", exc_info=error)
        return answer(500, "INTERNAL", "the catalog failed; its log says why")
    return answer(*_status(error), str(error))


def refusal(status: int, message: str) -> Response:
    """An error of a status, whatever its reason."""
    return answer(status, _CODES.get(status, "INTERNAL"), message)


def _status(error: PlatformError) -> tuple[int, str]:
    if isinstance(error, NoSuch):
        return 404, _MISSING.get(error.kind, "NOT_FOUND")
    if isinstance(error, AlreadyExists):
        return _TAKEN.get(error.kind, _TAKEN_OTHER)
    if isinstance(error, NotEmpty):
        return _FULL.get(error.kind, _FULL_OTHER)
    known = (_ANSWERS[kind] for kind in type(error).__mro__ if kind in _ANSWERS)
    return next(known, (500, "INTERNAL"))


def answer(status: int, code: str, message: str) -> Response:
    """An error of a status and a code."""
    body = {
        "error_code": code,
        "message": message,
        "details": [{"@type": _REASON, "reason": code}],
    }
    return JSONResponse(body, status_code=status)
