"""Who asks: settled before any door opens, for all that happens in the request."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_emulators.unity_catalog.access.login import Login
from spark_emulators.unity_catalog.acting import acting_as
from spark_emulators.unity_catalog.wire.control.tokens import COOKIE
from spark_emulators.unity_catalog.wire.endpoint import ErrorAnswer
from spark_platform.kernel.errors import PlatformError, Unauthenticated

__all__ = ["Authentication"]


class Authentication:
    """Lets in who has a token of the catalog's, as whoever that is.

    Args:
        app: what it lets them in to.
        login: knows whose tokens are.
        open_paths: where nobody has to say who they are.
        shapes: how errors are answered below a path: the first that fits.
    """

    def __init__(
        self,
        app: ASGIApp,
        login: Login,
        open_paths: Collection[str],
        shapes: Sequence[tuple[str, ErrorAnswer]],
    ) -> None:
        self._app, self._login = app, login
        self._open_paths, self._shapes = frozenset(open_paths), shapes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        try:
            token = _token(HTTPConnection(scope))
            principal = await run_in_threadpool(self._login.who, token)
        except PlatformError as error:
            answer = self._shape(scope["path"])(error)
            if answer.status_code == 401:
                answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send)
            return
        # also in worker threads: they are started with a copy of this context
        with acting_as(principal):
            await self._app(scope, receive, send)

    def _shape(self, path: str) -> ErrorAnswer:
        return next(shape for prefix, shape in self._shapes if path.startswith(prefix))


def _token(connection: HTTPConnection) -> str:
    """The bearer token, else the cookie's.

    Raises:
        Unauthenticated: there is neither.
    """
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    cookie = connection.cookies.get(COOKIE)
    if not cookie:
        raise Unauthenticated(
            "there is no token",
            hint="send Authorization: Bearer TOKEN; /api/1.0/unity-control/auth/tokens gives one",
        )
    return cookie
