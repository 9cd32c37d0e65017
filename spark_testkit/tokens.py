"""Bearer tokens of a stack's issuer."""

from __future__ import annotations

from collections.abc import Mapping

from spark_platform.kernel.errors import InvalidInput, Missing, Transient

__all__ = ["issued"]

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
