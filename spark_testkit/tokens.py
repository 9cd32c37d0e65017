"""Bearer tokens of a stack's issuer."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

from spark_platform.kernel.errors import InvalidInput, Missing, Transient

__all__ = ["DOMAIN", "connect_remote", "credential_command", "issued", "local_user", "remote"]

DOMAIN = "default"
"""The domain of whoever does not say one, on a laptop."""

_CLIENT = "spark-testkit"
_ANSWERS_WITHIN_S = 10.0


def issued(exports: Mapping[str, str], user: str, domain: str, seconds: int) -> str:
    """A token.

    Args:
        exports: variables of the stack: ``SPARK_TOKEN_ISSUER_URL`` and ``…_SECRET``.
        user, domain: what it shall say.
        seconds: how long it shall be valid.

    Raises:
        InvalidInput: the issuer refuses a name or the time.
        Missing: the stack has no issuer.
        Transient: it does not answer.
    """
    import httpx

    url, secret = exports.get("SPARK_TOKEN_ISSUER_URL"), exports.get("SPARK_TOKEN_ISSUER_SECRET")
    if not url or not secret:
        raise Missing("the stack has no token issuer", hint="`spark-testkit up token-issuer`")
    form = {
        "grant_type": "client_credentials", "user": user, "domain": domain,
        "expires_in": str(seconds),
    }  # fmt: skip
    try:
        # the user's proxy cannot reach it
        with httpx.Client(trust_env=False, timeout=_ANSWERS_WITHIN_S) as client:
            answer = client.post(f"{url}/token", data=form, auth=(_CLIENT, secret))
    except httpx.TransportError as error:
        raise Transient(f"the token issuer at {url} does not answer: {error}") from error
    document = answer.json()
    if not answer.is_success:
        raise InvalidInput(f"the token issuer refuses: {document.get('error_description')}")
    return str(document["access_token"])


def local_user() -> str:
    """Who is at this machine, as a token may name them."""
    name = os.environ.get("USER") or ""
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", name) else "spark-testkit"


def connect_remote(
    exports: Mapping[str, str], user: str = "", domain: str = DOMAIN, seconds: int = 12 * 3600
) -> str:
    """The URL by which a stock client of Spark Connect comes through the stack's Gateway.

    Args:
        exports: variables of the stack.
        user: who it is; whoever is at this machine where empty.
        seconds: how long its token is valid.

    Raises:
        Missing: the stack has no Gateway.
        Transient: its token issuer does not answer.
    """
    door = exports.get("SPARK_GATEWAY_CONNECT")
    if not door:
        raise Missing("the stack has no Gateway", hint="`spark-testkit up gateway`")
    return remote(door, issued(exports, user or local_user(), domain, seconds))


def remote(door: str, token: str, application: str = "") -> str:
    """The URL of Spark Connect behind a Gateway.

    Args:
        door: without a token: ``sc://host:port``.
        application: a Connect server of the token's domain; a driver of its pool where empty.
    """
    named = f";x-spark-cluster={application}" if application else ""
    return f"{door}/;token={token}{named}"


def credential_command(stack: str, user: str, domain: str) -> list[str]:
    """The command that tells a token as clients of Kubernetes ask for one.

    Source: ``client.authentication.k8s.io/v1``.
    """
    told = ["--user", user, "--domain", domain, "--credential"]
    return [sys.executable, "-m", "spark_testkit.cli", "token", "--name", stack, *told]
