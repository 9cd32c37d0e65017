"""The one place where exceptions become Iceberg error answers."""

from __future__ import annotations

from spark_emulators.unity_catalog.errors import (
    AlreadyExists,
    CommitFailed,
    FailedPrecondition,
    NoSuchView,
    NotEmpty,
    Unprocessable,
    Unsupported,
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

__all__ = ["error_answer", "refusal"]

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

_ERRORS = TypedErrors(
    _ANSWERS, _TYPES, _MISSING, not_found="NoSuchTableException", failed="InternalServerError"
)
error_answer, refusal = _ERRORS.error_answer, _ERRORS.refusal
