"""The one error tree as the statuses of doors: HTTP and gRPC."""

from __future__ import annotations

from collections.abc import Mapping

from spark_platform.kernel import errors
from spark_platform.kernel.errors import PlatformError

__all__ = ["document_of", "error_of", "grpc_code_of", "http_status_of"]

# the first that an error is of
_STATUSES: tuple[tuple[type[PlatformError], int, str], ...] = (
    (errors.InvalidInput, 400, "INVALID_ARGUMENT"),
    (errors.Unauthenticated, 401, "UNAUTHENTICATED"),
    (errors.Forbidden, 403, "PERMISSION_DENIED"),
    (errors.NotFound, 404, "NOT_FOUND"),
    (errors.Conflict, 409, "ALREADY_EXISTS"),
    (errors.TimedOut, 504, "DEADLINE_EXCEEDED"),
    (errors.Transient, 503, "UNAVAILABLE"),
    (errors.Missing, 500, "FAILED_PRECONDITION"),
    (PlatformError, 500, "INTERNAL"),
)


def http_status_of(error: PlatformError) -> int:
    """The HTTP status of an error."""
    return next(status for kind, status, _ in _STATUSES if isinstance(error, kind))


def grpc_code_of(error: PlatformError) -> str:
    """The name of the gRPC status of an error."""
    return next(code for kind, _, code in _STATUSES if isinstance(error, kind))


def document_of(error: PlatformError) -> dict[str, Mapping[str, str]]:
    """An error as the body of an answer: ``{"error": {"type", "message", "hint"}}``."""
    kind = next(kind for kind, _, _ in _STATUSES if isinstance(error, kind))
    return {
        "error": {"type": kind.__name__, "message": error.message, "hint": error.hint},
    }


def error_of(status: int, document: object, asked: str) -> PlatformError:
    """The error that an answer tells of.

    Args:
        status: its HTTP status.
        document: its body, as JSON; whatever it is.
        asked: method and path, for the reader.
    """
    told = document.get("error") if isinstance(document, dict) else None
    told = told if isinstance(told, dict) else {}
    kind = next(
        (kind for kind, code, _ in _STATUSES if kind.__name__ == told.get("type")),
        next((kind for kind, code, _ in _STATUSES if code == status), PlatformError),
    )
    message = str(told.get("message") or f"{asked} answered {status}")
    return kind(message, hint=str(told.get("hint") or ""))
