"""The one place where exceptions become Iceberg error answers."""

from __future__ import annotations

import logging

from starlette.responses import JSONResponse, Response

from spark_emulators.unity_catalog.errors import (
    AlreadyExists,
    CommitFailed,
    FailedPrecondition,
    NoSuch,
    NoSuchView,
    NotEmpty,
    Unprocessable,
    Unsupported,
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

__all__ = ["error_answer", "refusal"]

_LOG = logging.getLogger(__name__)

# Types as in Iceberg's REST specification; clients decide by them, not by the message.
_ANSWERS: dict[type[BaseException], tuple[int, str]] = {
    Unauthenticated: (401, "NotAuthorizedException"),
    Forbidden: (403, "ForbiddenException"),
    NoSuchView: (404, "NoSuchViewException"),
    NotFound: (404, "NoSuchTableException"),
    NotEmpty: (409, "NamespaceNotEmptyException"),
    CommitFailed: (409, "CommitFailedException"),
    AlreadyExists: (409, "AlreadyExistsException"),
    FailedPrecondition: (400, "BadRequestException"),
    Conflict: (409, "CommitFailedException"),
    Unprocessable: (422, "UnprocessableEntityException"),
    Unsupported: (406, "UnsupportedOperationException"),
    InvalidInput: (400, "BadRequestException"),
    Transient: (503, "SlowDownException"),
    TimedOut: (503, "SlowDownException"),
}
_TYPES = {
    400: "BadRequestException",
    401: "NotAuthorizedException",
    403: "ForbiddenException",
    404: "NoSuchTableException",
    406: "UnsupportedOperationException",
    409: "CommitFailedException",
    419: "AuthenticationTimeoutException",
    429: "SlowDownException",
    503: "SlowDownException",
}
_MISSING = {
    Kind.CATALOG: "NoSuchWarehouseException",
    Kind.SCHEMA: "NoSuchNamespaceException",
    Kind.TABLE: "NoSuchTableException",
}


def error_answer(error: Exception) -> Response:
    """The answer for ``error``: by its class, else by the nearest of its base classes.

    An error nobody foresaw is 500; what it says goes to the log, for it may quote anything.
    """
    if isinstance(error, NoSuch):
        return _answer(404, _MISSING.get(error.kind, "NoSuchTableException"), str(error))
    for kind in type(error).__mro__:
        if kind in _ANSWERS:
            assert isinstance(error, PlatformError)
            status, name = _ANSWERS[kind]
            return _answer(status, name, str(error))
    _LOG.error("cannot answer a request", exc_info=error)
    return _answer(500, "InternalServerError", "the catalog failed; its log says why")


def refusal(status: int, message: str) -> Response:
    """An error of a status, whatever its reason."""
    return _answer(status, _TYPES.get(status, "InternalServerError"), message)


def _answer(status: int, name: str, message: str) -> Response:
    body = {"error": {"message": message, "type": name, "code": status}}
    return JSONResponse(body, status_code=status)
