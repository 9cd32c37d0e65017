"""What all token endpoints share (RFC 6749): forms in, clients' secrets, errors out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse

__all__ = ["NOT_STORED", "Refused", "basic_credentials", "read_form", "refusal"]

NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""Headers of every answer that holds a token."""

_LARGEST_BODY = 64 * 1024


class Refused(Exception):
    """An error of RFC 6749, section 5.2.

    Args:
        error: its code, such as ``invalid_request``.
        description: for people.
        status: of HTTP.
    """

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


def refusal(error: Refused) -> JSONResponse:
    """The answer for an error."""
    headers = {**NOT_STORED}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Basic"
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, error.status, headers)


def basic_credentials(header: str) -> tuple[str, str]:
    """Client and secret of an ``Authorization`` header; both empty where it names none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a request's form.

    Raises:
        Refused: the form is too large, or gives a field twice.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise Refused("invalid_request", f"the body is larger than {_LARGEST_BODY} bytes")
    found: dict[str, str] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        if name in found:
            raise Refused("invalid_request", f"{name[:64]} is given twice")
        found[name] = value
    return found
