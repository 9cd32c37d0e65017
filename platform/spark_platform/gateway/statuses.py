"""The one error tree as Kubernetes' ``Status`` objects. Pure."""

from __future__ import annotations

from typing import Any

from spark_platform.kernel import errors
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.kubernetes.errors import AlreadyExists, Expired
from spark_platform.kernel.statuses import http_status_of

__all__ = ["reason_of", "status_of"]

# the first that an error is of
_REASONS: tuple[tuple[type[PlatformError], str], ...] = (
    (AlreadyExists, "AlreadyExists"),
    (Expired, "Expired"),
    (errors.InvalidInput, "BadRequest"),
    (errors.Unauthenticated, "Unauthorized"),
    (errors.Forbidden, "Forbidden"),
    (errors.NotFound, "NotFound"),
    (errors.Conflict, "Conflict"),
    (errors.TimedOut, "Timeout"),
    (errors.Transient, "ServiceUnavailable"),
    (PlatformError, "InternalError"),
)
_GONE = 410


def reason_of(error: PlatformError) -> str:
    """The one word that clients of Kubernetes tell an error by."""
    return next(name for kind, name in _REASONS if isinstance(error, kind))


def status_of(error: PlatformError) -> dict[str, Any]:
    """An error as a client of Kubernetes reads it; what to do next is in its message."""
    # of the Kubernetes API alone: elsewhere what is too old may be had later
    code = _GONE if isinstance(error, Expired) else http_status_of(error)
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason_of(error),
        "code": code,
    }
