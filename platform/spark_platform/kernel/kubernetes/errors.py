"""What a Kubernetes API refuses, in the one error tree.

What callers have to tell apart has a class; ``Transient`` stands for what may work later: no
connection, 429, 5xx.
"""

from __future__ import annotations

import json
from typing import Any

from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PlatformError,
    Terminal,
    Transient,
    Unauthenticated,
)

__all__ = ["AlreadyExists", "Expired", "error_of"]


class AlreadyExists(Conflict):
    """409: an object of that name is there."""


class Expired(Transient):
    """410: what was asked for is too old to be had; list anew."""


def error_of(code: int, body: bytes, retry_after: str | None, asked: str) -> PlatformError:
    """The error of an answer.

    Args:
        code: its HTTP status.
        body: a ``Status`` object, or whatever a proxy said.
        retry_after: the header, in seconds.
        asked: method and path, for the reader.
    """
    status = _status(body)
    reason, message = (
        status.get("reason", ""),
        status.get("message") or body.decode("utf-8", "replace"),
    )
    text = f"{message.strip() or 'no reason given'} ({code} {reason or 'error'}: {asked})"
    if code == 401:
        return Unauthenticated(text, hint="log in again, or mend the user in the kubeconfig")
    if code == 403:
        return Forbidden(text)
    if code == 404:
        return NotFound(text)
    if code == 409:
        return AlreadyExists(text) if reason == "AlreadyExists" else Conflict(text)
    if code == 410:
        return Expired(text)
    if code in (400, 405, 406, 413, 415, 422):
        return InvalidInput(text)
    if code == 429 or code >= 500:
        wait_s = float(retry_after) if retry_after and retry_after.isdigit() else None
        return Transient(text, retry_after_s=wait_s)
    return Terminal(text)


def _status(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}
