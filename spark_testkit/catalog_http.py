"""How the toolkit talks to a catalog beside Iceberg's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    Missing,
    NotFound,
    PlatformError,
    Terminal,
    Unauthenticated,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["CatalogHttp"]

_TIMEOUT_S = 60.0
_KINDS: dict[int, type[PlatformError]] = {
    400: InvalidInput, 401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict,
}  # fmt: skip


class CatalogHttp:
    """One catalog.

    Args:
        uri: its root (``UNITY_CATALOG_URI``).
        token: the bearer token it wants; empty where it wants none.
    """

    def __init__(self, uri: str, token: str = "") -> None:
        import httpx

        self._uri = uri.rstrip("/")
        # the user's proxy cannot reach it; no connection is kept, so that nothing is to be closed
        self._client = httpx.Client(
            base_url=uri,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT_S,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The document that answers a request with a JSON body, or with none.

        Raises:
            InvalidInput, Unauthenticated, Forbidden, NotFound, Conflict: as it answers.
            Missing: there is no catalog.
            Terminal: another error of its own.
        """
        return self._asked(method, path, json=body)

    def token_of(self, client: str, secret: str) -> str:
        """A token of a service principal, for its secret; raises as ``ask``."""
        form = {"grant_type": "client_credentials", "scope": "all-apis"}
        answer = self._asked("POST", "/oidc/v1/token", data=form, auth=(client, secret))
        return str(answer["access_token"])

    def _asked(self, method: str, path: str, **options: Any) -> Any:
        import httpx

        try:
            answer = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise Missing(
                f"the catalog at {self._uri} does not answer: {error}",
                hint="`spark-testkit list` tells which stacks run",
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        raise _error(answer)


def _error(answer: httpx.Response) -> PlatformError:
    kind = _KINDS.get(answer.status_code, Terminal)
    try:
        document = answer.json()
        # Unity Catalog's, SCIM's, OAuth's, Iceberg's
        told = (
            document.get("message")
            or document.get("detail")
            or document.get("error_description")
            or document["error"]["message"]
        )
        # the open-source server's status for what is there is 400
        kind = Conflict if "ALREADY_EXISTS" in document.get("error_code", "") else kind
    except (ValueError, KeyError, AttributeError, TypeError):
        return kind(f"the catalog answers HTTP {answer.status_code}")
    return kind(str(told))
