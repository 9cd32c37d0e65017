"""Issuers whose tokens can be exchanged for the catalog's own; discovery finds their keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from spark_emulators.unity_catalog.access.tokens import issuer_of, why_not_valid
from spark_platform.kernel.errors import Forbidden, Transient, Unauthenticated

if TYPE_CHECKING:
    from jwt import PyJWKClient

__all__ = ["Issuers"]

# of an issuer's keys; a token signed with another algorithm, or with none, is no token
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256")
_REQUIRED = ("exp", "iss", "aud", "sub")
_LEEWAY_S = 30
_KEYS_KEPT_S = 300
_ANSWERS_WITHIN_S = 5
_DISCOVERY = "/.well-known/openid-configuration"


class Issuers:
    """The identity providers that are trusted.

    Args:
        names: as tokens name them (``iss``): URLs, below which OpenID discovery is answered.
        audiences: tokens must be for one of them (``aud``).
    """

    def __init__(self, names: Collection[str], audiences: Collection[str]) -> None:
        self._names, self._audiences = frozenset(names), list(audiences)
        self._clients: dict[str, PyJWKClient] = {}

    def subject(self, token: str) -> str:
        """Who a token is of: its ``email``, unless that is said to be unverified, else its ``sub``.

        Raises:
            Unauthenticated: it has expired, is forged, or is for somebody else.
            Forbidden: its issuer is not trusted.
            Transient: its issuer does not answer.
        """
        import jwt

        issuer = issuer_of(token)
        if issuer not in self._names:
            raise Forbidden(
                f"issuer {issuer[:80]!r} is not trusted here",
                hint="name it among the issuers of the settings' authorization",
            )
        try:
            key = self._keys(issuer).get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=_ALGORITHMS,
                audience=self._audiences,
                issuer=issuer,
                leeway=_LEEWAY_S,
                options={"require": list(_REQUIRED)},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise _away(issuer) from error
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthenticated(f"the token is not valid: {why_not_valid(error)}") from error
        # what a user says of themselves is nothing to go by
        # (some issuers say true and false in strings)
        verified = claims.get("email_verified", True) in (True, "true")
        email = claims.get("email") if verified else None
        return str(email or claims["sub"])

    def _keys(self, issuer: str) -> PyJWKClient:
        import jwt

        known = self._clients.get(issuer)
        if known is None:
            known = jwt.PyJWKClient(
                _jwks_uri(issuer),
                cache_jwk_set=True,
                lifespan=_KEYS_KEPT_S,
                timeout=_ANSWERS_WITHIN_S,
            )
            self._clients[issuer] = known
        return known


def _jwks_uri(issuer: str) -> str:
    """Where an issuer's keys are (OpenID Connect Discovery 1.0, section 4)."""
    import urllib3

    try:
        answer = urllib3.request(
            "GET", issuer.rstrip("/") + _DISCOVERY, timeout=_ANSWERS_WITHIN_S, retries=False
        )
        document = answer.json() if answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise _away(issuer) from error
    # the document of another issuer says nothing about this one's keys
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise _away(issuer)
    return str(document.get("jwks_uri"))


def _away(issuer: str) -> Transient:
    return Transient(f"the keys of issuer {issuer} cannot be had", retry_after_s=1)
