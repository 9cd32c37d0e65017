"""Tokens: exchanged for those of trusted issuers, or had for a service principal's secret.

The open-source server's path answers errors like the rest of its API; the paths that OAuth clients
know (Databricks' and Iceberg's) as RFC 6749 has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from spark_emulators.unity_catalog.access.login import Login
from spark_emulators.unity_catalog.wire.uc.errors import error_answer
from spark_platform.kernel.errors import Forbidden, InvalidInput, Unauthenticated
from spark_platform.kernel.oauth import (
    NOT_STORED,
    Refused,
    basic_credentials,
    read_form,
    refusal,
)

__all__ = ["COOKIE", "OPEN_PATHS", "token_routes"]

COOKIE = "UC_TOKEN"

_EXCHANGE_PATH = "/api/1.0/unity-control/auth/tokens"
_LOGOUT_PATH = "/api/1.0/unity-control/auth/logout"
_DISCOVERY_PATH = "/oidc/.well-known/oauth-authorization-server"
_OAUTH_PATH = "/oidc/v1/token"
_HOST_PATH = "/.well-known/databricks-config"
OPEN_PATHS = (_EXCHANGE_PATH, _LOGOUT_PATH, _DISCOVERY_PATH, _OAUTH_PATH, _HOST_PATH)
"""Where those ask who have no token yet."""

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_CREDENTIALS = "client_credentials"
_ACCESS_TYPE = "urn:ietf:params:oauth:token-type:access_token"
_DEFAULT_SCOPE = "all-apis"


def token_routes(login: Login, other_paths: Iterable[str]) -> list[BaseRoute]:
    """The routes.

    Args:
        other_paths: where OAuth clients ask for tokens that do not look for the path.
    """
    doors = _Doors(login)
    return [
        Route(_EXCHANGE_PATH, doors.exchange, methods=["POST"]),
        Route(_LOGOUT_PATH, _logout, methods=["POST"]),
        Route(_HOST_PATH, _host),
        Route(_DISCOVERY_PATH, _discovery),
        *(Route(path, doors.oauth, methods=["POST"]) for path in (_OAUTH_PATH, *other_paths)),
    ]


class _Doors:
    def __init__(self, login: Login) -> None:
        self._login = login

    async def exchange(self, request: Request) -> Response:
        try:
            form = await read_form(request)
            subject_token = _subject_token(form)
            token = await run_in_threadpool(self._login.exchange, subject_token)
        except Refused as error:
            return error_answer(InvalidInput(str(error)))
        except Exception as error:
            return error_answer(error)
        answer = JSONResponse(self._granted(token), headers=NOT_STORED)
        if request.query_params.get("ext") == "cookie":
            answer.set_cookie(
                COOKIE,
                token,
                max_age=self._login.lifetime_s,
                httponly=True,
                samesite="lax",
                secure=request.url.scheme == "https",
            )
        return answer

    async def oauth(self, request: Request) -> Response:
        try:
            form = await read_form(request)
            header = request.headers.get("authorization", "")
            token = await run_in_threadpool(self._oauth_token, form, header)
        except Refused as error:
            return refusal(error)
        except Exception as error:
            return error_answer(error)
        scope = form.get("scope") or _DEFAULT_SCOPE
        return JSONResponse({**self._granted(token), "scope": scope}, headers=NOT_STORED)

    def _oauth_token(self, form: Mapping[str, str], header: str) -> str:
        grant = form.get("grant_type", "")
        if grant == _EXCHANGE:
            try:
                return self._login.exchange(_subject_token(form))
            except (Unauthenticated, Forbidden) as error:
                raise Refused("invalid_grant", error.message) from error
        if grant != _CREDENTIALS:
            raise Refused(
                "unsupported_grant_type", f"grant_type must be {_CREDENTIALS} or {_EXCHANGE}"
            )
        client, secret = basic_credentials(header)
        if not client:
            client, secret = form.get("client_id", ""), form.get("client_secret", "")
        try:
            return self._login.with_secret(client, secret)
        except Unauthenticated as error:
            raise Refused("invalid_client", error.message, 401) from error

    def _granted(self, token: str) -> dict[str, Any]:
        return {
            "access_token": token,
            "issued_token_type": _ACCESS_TYPE,
            "token_type": "Bearer",
            "expires_in": self._login.lifetime_s,
        }


async def _host(request: Request) -> Response:
    """What the Databricks SDK asks a host first: below which path OAuth is discovered."""
    return JSONResponse({"oidc_endpoint": f"{_server(request)}/oidc"})


async def _discovery(request: Request) -> Response:
    """Where tokens are (RFC 8414); nobody here logs in with a browser."""
    server = _server(request)
    return JSONResponse(
        {
            "issuer": f"{server}/oidc",
            "authorization_endpoint": f"{server}/oidc/v1/authorize",
            "token_endpoint": server + _OAUTH_PATH,
            "grant_types_supported": [_CREDENTIALS, _EXCHANGE],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
    )


async def _logout(_: Request) -> Response:
    answer = JSONResponse({})
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def _server(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _subject_token(form: Mapping[str, str]) -> str:
    """The token to exchange (RFC 8693, section 2.1)."""
    if form.get("grant_type") != _EXCHANGE:
        raise Refused("unsupported_grant_type", f"grant_type must be {_EXCHANGE}")
    if form.get("requested_token_type", _ACCESS_TYPE) != _ACCESS_TYPE:
        raise Refused("invalid_request", f"requested_token_type must be {_ACCESS_TYPE}")
    if "actor_token" in form:
        raise Refused("invalid_request", "actor_token is not supported")
    for field in ("subject_token", "subject_token_type"):
        if not form.get(field):
            raise Refused("invalid_request", f"{field} is missing")
    return form["subject_token"]
