"""The one error tree as Kubernetes' ``Status`` objects. Pure."""

from __future__ import annotations

from typing import Any

from spark_platform.kernel import errors
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.kubernetes.errors import AlreadyExists, Expired

__all__ = ["status_of"]

# the first that an error is of
_REASONS: tuple[tuple[type[PlatformError], int, str], ...] = (
    (AlreadyExists, 409, "AlreadyExists"),
    (Expired, 410, "Expired"),
    (errors.InvalidInput, 400, "BadRequest"),
    (errors.Unauthenticated, 401, "Unauthorized"),
    (errors.Forbidden, 403, "Forbidden"),
    (errors.NotFound, 404, "NotFound"),
    (errors.Conflict, 409, "Conflict"),
    (errors.TimedOut, 504, "Timeout"),
    (errors.Transient, 503, "ServiceUnavailable"),
    (PlatformError, 500, "InternalError"),
)


def status_of(error: PlatformError) -> dict[str, Any]:
    """An error as a client of Kubernetes reads it; what to do next is in its message."""
    code, reason = next((code, name) for kind, code, name in _REASONS if isinstance(error, kind))
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
