"""Issuers of tokens, as processes of their own, and tokens that nobody is to trust."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from emulator_servers import Server

from spark_emulators.token_issuer.tokens import Signer
from spark_platform.identity import IssuerSettings, JwtVerifier
from spark_testkit.ports import free_ports

SECRET = "the issuer's secret"
AUDIENCE = "spark-platform"


class Issuer:
    """An issuer, which serves once it is started.

    Attributes:
        url: where it serves; its name too.
        key: the file that holds what it signs with.
    """

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.key = folder / "issuer.pem"
        self._config = folder / "issuer.json"
        self._config.write_text(
            json.dumps(
                {
                    "port": port,
                    "issuer": self.url,
                    "key_file": str(self.key),
                    "client_secret": SECRET,
                }
            )
        )

    def start(self) -> Server:
        """Serve, until the process is stopped."""
        return Server("spark_emulators.token_issuer", self._config)

    @property
    def settings(self) -> dict[str, str]:
        """As those who trust it are told."""
        return {"issuer": self.url, "audience": AUDIENCE, "jwks_url": f"{self.url}/jwks.json"}

    def ask(self, secret: str = SECRET, **form: str | None) -> httpx.Response:
        plain = {"grant_type": "client_credentials", "user": "ana", "domain": "travel"}
        sent = {name: value for name, value in {**plain, **form}.items() if value is not None}
        return httpx.post(f"{self.url}/token", data=sent, auth=("spark-testkit", secret))

    def token(self, user: str = "ana", **form: str) -> str:
        return str(self.ask(user=user, **form).raise_for_status().json()["access_token"])

    def verifier(self, **given: str) -> JwtVerifier:
        return JwtVerifier(IssuerSettings(**{**self.settings, **given}))

    def claims(self, **given: Any) -> dict[str, Any]:
        """Those of a good token; None leaves one out."""
        at = int(time.time())
        plain = {
            "iss": self.url, "aud": AUDIENCE, "sub": "ana", "domain": "travel",
            "iat": at, "exp": at + 60,
        }  # fmt: skip
        return {name: value for name, value in (plain | given).items() if value is not None}


@contextlib.contextmanager
def issuing(folder: Path) -> Iterator[Issuer]:
    """An issuer that serves while the block runs."""
    issuer = Issuer(folder)
    server = issuer.start()
    try:
        yield issuer
    finally:
        server.stop()


def _expired(issuer: Issuer) -> str:
    return Signer(issuer.key, now=lambda: time.time() - 1000).sign(issuer.claims(), 60)


def _signed(issuer: Issuer, **given: Any) -> str:
    return Signer(issuer.key).sign(issuer.claims(**given), 60)


def _of_unknown_key(issuer: Issuer) -> str:
    return Signer(issuer.key.with_name("other.pem")).sign(issuer.claims(), 60)


def _encoded(issuer: Issuer, key: Any, algorithm: str) -> str:
    """As somebody does who knows the name of the issuer's key, and not the key."""
    kid = {"kid": Signer(issuer.key).public()["kid"]}
    return jwt.encode(issuer.claims(), key, algorithm, headers=kid)


BAD_TOKENS: dict[str, Callable[[Issuer], str]] = {
    "expired": _expired,
    "for somebody else": partial(_signed, aud="others"),
    "of another issuer": partial(_signed, iss="https://elsewhere"),
    "without a domain": partial(_signed, domain=None),
    "with an unknown key": _of_unknown_key,
    "forged": lambda issuer: _encoded(issuer, ec.generate_private_key(ec.SECP256R1()), "ES256"),
    "signed by nobody": lambda issuer: _encoded(issuer, None, "none"),
    "signed with what is public": lambda issuer: _encoded(
        issuer, Signer(issuer.key).public()["x"], "HS256"
    ),
    "nonsense": lambda issuer: "a.b.c",
}
"""What is wrong with a token → one of an issuer's that is not to be trusted for that."""
