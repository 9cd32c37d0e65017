"""Callers of a catalog that asks who they are: each sends its own token."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import httpx

from spark_emulators.unity_catalog.access.tokens import new_key
from spark_emulators.unity_catalog.store.database import open_database
from spark_emulators.unity_catalog.store.keys import Keys

UC = "/api/2.1/unity-catalog"
CONTROL = "/api/1.0/unity-control"
USERS = f"{CONTROL}/scim2/Users"


a_key = cache(new_key)


def authorized(config: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Settings with authorization on, and with a key made before: making one takes a while."""
    engine = open_database(config["database"])
    Keys(engine).get("tokens", a_key)
    engine.dispose()
    return {**config, "authorization": {"admin_token_file": str(_token_file(config)), **more}}


def admin_token(config: dict[str, Any]) -> str:
    """The token of ``admin`` that a server with these settings left."""
    return Path(config["authorization"]["admin_token_file"]).read_text()


def admin_of(http: Any, config: dict[str, Any]) -> Caller:
    """The user ``admin`` of an in-process server with these settings."""
    return Caller(http, admin_token(config))


def _token_file(config: dict[str, Any]) -> Path:
    return Path(config["database"].removeprefix("sqlite+pysqlite:///")).with_name("admin.token")


class Caller:
    """One who asks over a client that has ``request(method, url, **options)``.

    Args:
        token: None for somebody without.
        server: where paths that begin with a slash are.
    """

    def __init__(self, http: Any, token: str | None, server: str = "http://testserver") -> None:
        self.http, self.token, self.server = http, token, server

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**options.pop("headers", {})}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        url = self.server + path if path.startswith("/") else path
        answer: httpx.Response = self.http.request(method, url, headers=headers, **options)
        return answer

    def grant(self, type: str, name: str, principal: str, *privileges: str) -> None:
        changes = [{"principal": principal, "add": list(privileges)}]
        answer = self("PATCH", f"{UC}/permissions/{type}/{name}", json={"changes": changes})
        assert answer.status_code == 200, answer.text

    def add_user(self, email: str) -> str:
        """Its id."""
        body = {"displayName": email, "emails": [{"value": email, "primary": True}]}
        answer = self("POST", USERS, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def service_principal(self, name: str) -> str:
        """The secret of a new one."""
        made = self(
            "POST",
            "/api/2.0/preview/scim/v2/ServicePrincipals",
            json={"applicationId": name, "displayName": name},
        )
        assert made.status_code == 201, made.text
        path = f"/api/2.0/accounts/servicePrincipals/{made.json()['id']}/credentials/secrets"
        return str(self("POST", path).json()["secret"])


def with_secret(http: Any, client: str, secret: str) -> httpx.Response:
    """What a service principal is answered that asks for a token."""
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    return Caller(http, None)("POST", "/oidc/v1/token", data=form, auth=(client, secret))
