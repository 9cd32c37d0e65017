"""Requests and answers, apart from any HTTP library; and each protocol's spelling of errors."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from spark_emulators.emr.errors import InvalidRequest, ValidationFailed
from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound, PlatformError

__all__ = ["Answer", "Call", "error_answer", "json_answer"]

_LOG = logging.getLogger(__name__)
REST, JSON = "rest-json", "json"
_REST_ERRORS: dict[type[BaseException], tuple[int, str]] = {
    NotFound: (404, "ResourceNotFoundException"),
    Conflict: (409, "ConflictException"),
    InvalidInput: (400, "ValidationException"),
}
# EMR on EC2 answers whatever is wrong with a request by 400.
_JSON_ERRORS: dict[type[BaseException], tuple[int, str]] = {
    InvalidRequest: (400, "InvalidRequestException"),
    NotFound: (400, "InvalidRequestException"),
    InvalidInput: (400, "ValidationException"),
    Conflict: (400, "ValidationException"),
}


@dataclass(frozen=True)
class Call:
    """A request, read to its end.

    Attributes:
        headers: with names in lower case.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: bytes
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object in it; raises ValidationFailed where it is something else."""
        try:
            parsed = json.loads(self.content or b"{}")
        except ValueError:
            raise ValidationFailed("the request's body is not JSON") from None
        if not isinstance(parsed, dict):
            raise ValidationFailed("the request's body is not a JSON object")
        return parsed

    def parameters(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [value for key, value in parse_qsl(self.query) if key == name]

    def parameter(self, name: str) -> str | None:
        return next(iter(self.parameters(name)), None)

    def number(self, name: str, least: int, most: int) -> int | None:
        """A whole number in the query.

        Raises:
            ValidationFailed: it is none, or out of bounds.
        """
        value = self.parameter(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ValidationFailed(f"{name}: must be a number from {least} to {most}")
        return int(value)


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def json_answer(
    body: Mapping[str, Any], protocol: str, status: int = 200, kind: str = ""
) -> Answer:
    """An answer in ``protocol``.

    Args:
        kind: of an error, as the service names it.
    """
    media = "application/x-amz-json-1.1" if protocol == JSON else "application/json"
    headers = {"Content-Type": media, "x-amzn-RequestId": str(uuid.uuid4())}
    if kind and protocol == REST:
        headers["x-amzn-ErrorType"] = kind
    return Answer(status, headers, json.dumps(body).encode())


def error_answer(error: Exception, protocol: str) -> Answer:
    """The answer for ``error``: by its class, else by the nearest of its base classes.

    An error nobody foresaw is 500; what it says goes to the log, for it may quote anything.
    """
    table = _JSON_ERRORS if protocol == JSON else _REST_ERRORS
    for each in type(error).__mro__:
        if each in table:
            assert isinstance(error, PlatformError)
            status, kind = table[each]
            return _error(status, kind, error.message, protocol)
    _LOG.error("cannot answer a request", exc_info=error)
    return _error(500, "InternalServerException", "the emulator failed; its log says why", protocol)


def _error(status: int, kind: str, message: str, protocol: str) -> Answer:
    body = {"message": message} if protocol == REST else {"__type": kind, "message": message}
    return json_answer(body, protocol, status, kind)
