"""HTTP: OpenID discovery, the keys (RFC 7517), and the token endpoint (RFC 6749, section 4.4)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from spark_emulators.token_issuer.settings import Settings
from spark_emulators.token_issuer.tokens import ALGORITHM, Signer
from spark_platform.kernel.oauth import (
    NOT_STORED,
    Refused,
    basic_credentials,
    read_form,
    refusal,
)

__all__ = ["create_app"]

_HOUR_S = 3600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")


def create_app(settings: Settings) -> Starlette:
    """The issuer.

    Raises:
        InvalidInput: its key file holds no key.
        Missing: that cannot be read.
    """
    signer = Signer(settings.key_file)
    issuer = settings.issuer.rstrip("/")

    async def discovery(_: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks.json",
                "token_endpoint": f"{issuer}/token",
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    async def keys(_: Request) -> JSONResponse:
        return JSONResponse({"keys": [signer.public()]})

    async def token(request: Request) -> JSONResponse:
        _check_client(request, settings.client_secret.get_secret_value())
        form = await read_form(request)
        if form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type", "grant_type must be client_credentials")
        seconds = _seconds(form.get("expires_in", str(_HOUR_S)), settings.longest_s)
        claims = {
            "iss": issuer,
            "aud": form.get("audience") or settings.audience,
            "sub": _named(form, "user"),
            "domain": _named(form, "domain"),
        }
        signed = signer.sign(claims, seconds)
        body = {"access_token": signed, "token_type": "Bearer", "expires_in": seconds}
        return JSONResponse(body, headers=NOT_STORED)

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return refusal(error)

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks.json", keys),
            Route("/token", token, methods=["POST"]),
        ],
        exception_handlers={Refused: refused},
    )


def _check_client(request: Request, secret: str) -> None:
    _, given = basic_credentials(request.headers.get("authorization", ""))
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise Refused("invalid_client", "the client secret is missing or wrong", 401)


def _named(form: Mapping[str, str], field: str) -> str:
    value = form.get(field, "")
    if not _NAME.fullmatch(value):
        raise Refused(
            "invalid_request",
            f"{field} is {value[:64]!r}: 1 to 128 of letters, digits and ._@-, no sign first",
        )
    return value


def _seconds(text: str, longest: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= longest:
        raise Refused("invalid_request", f"expires_in is {text[:32]!r}: 1 to {longest}")
    return int(text)
