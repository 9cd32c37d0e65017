"""Issuers of tokens, as processes of their own, and tokens that nobody is to trust."""

from __future__ import annotations

import json
import time
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

    def bad_tokens(self, folder: Path) -> dict[str, str]:
        """One of each kind that is not to be trusted, by what is wrong with it."""
        own = Signer(self.key)
        kid = {"kid": own.public()["kid"]}
        early = Signer(self.key, now=lambda: time.time() - 1000)
        stranger = ec.generate_private_key(ec.SECP256R1())
        return {
            "expired": early.sign(self.claims(), 60),
            "for somebody else": own.sign(self.claims(aud="others"), 60),
            "of another issuer": own.sign(self.claims(iss="https://elsewhere"), 60),
            "without a domain": own.sign(self.claims(domain=None), 60),
            "with an unknown key": Signer(folder / "other.pem").sign(self.claims(), 60),
            "forged": jwt.encode(self.claims(), stranger, "ES256", headers=kid),
            "signed by nobody": jwt.encode(self.claims(), None, "none", headers=kid),
            "signed with what is public": jwt.encode(
                self.claims(), own.public()["x"], "HS256", headers=kid
            ),
            "nonsense": "a.b.c",
        }
