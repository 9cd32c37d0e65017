"""Errors as Status objects: the one place that maps them."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.errors import ApiError, Cause
from spark_emulators.kubernetes.wire.http import Response

__all__ = ["failure", "response", "success"]


def failure(error: ApiError) -> dict[str, Any]:
    """The Status of an error."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": error.metadata,
        "status": "Failure",
        "message": error.message,
    }
    if error.reason:
        status["reason"] = error.reason
    if error.details:
        status["details"] = {
            key: [_cause(one) for one in each] if key == "causes" else each
            for key, each in error.details.items()
        }
    elif error.reason in ("NotFound", "Conflict"):
        status["details"] = {}
    status["code"] = error.code
    return status


def _cause(cause: Cause) -> dict[str, str]:
    found = {"reason": cause.reason, "message": cause.message, "field": cause.field}
    return {key: each for key, each in found.items() if each}


def success(details: dict[str, Any] | None = None) -> dict[str, Any]:
    """The Status of something done that leaves no object."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
    }
    if details:
        status["details"] = details
    return status


def response(error: ApiError) -> Response:
    """The answer to a request that was refused."""
    headers = {}
    if "retryAfterSeconds" in error.details:
        headers["retry-after"] = str(error.details["retryAfterSeconds"])
    return Response(failure(error), error.code, headers=headers)
