"""Who asks: bearer tokens, as JWTs that an issuer has signed.

A token says a user (``sub``) and the domain it acts for (``domain``). Nothing else of a request
says who somebody is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from spark_platform.kernel.errors import Transient, Unauthenticated
from spark_platform.kernel.server_settings import Strict

if TYPE_CHECKING:
    from jwt import PyJWKClient

__all__ = ["Caller", "IssuerSettings", "JwtVerifier", "Verifier", "bearer"]

# of an issuer's keys; a token signed with another algorithm, or with none, is no token
_ALGORITHMS = ("ES256", "RS256")
_REQUIRED = ("exp", "iat", "iss", "aud", "sub")
_LEEWAY_S = 30
_LONGEST = 16 * 1024
_KEYS_KEPT_S = 300
_ANSWERS_WITHIN_S = 5
_HINT = "`spark-testkit token --user U --domain D` makes one for a local stack"


@dataclass(frozen=True)
class Caller:
    """Whoever asks.

    Attributes:
        user: a name that is the same for ever.
        domain: whose work it is; tenants are told apart by it.
    """

    user: str
    domain: str


class Verifier(Protocol):
    """Tells who has a token."""

    def verify(self, token: str) -> Caller:
        """Who it is.

        Raises:
            Unauthenticated: the token is not to be trusted; its text is never in the message.
            Transient: that cannot be told now.
        """


class IssuerSettings(Strict):
    """Whose tokens are trusted.

    Attributes:
        issuer: as tokens name it (``iss``).
        audience: whom tokens must be for (``aud``).
        jwks_url: where its public keys are.
    """

    issuer: str
    audience: str
    jwks_url: str


class JwtVerifier:
    """Trusts one issuer's tokens. Implements ``Verifier``.

    Args:
        settings: the issuer.
    """

    def __init__(self, settings: IssuerSettings) -> None:
        self._settings = settings
        self._client: PyJWKClient | None = None

    def verify(self, token: str) -> Caller:
        import jwt

        if len(token) > _LONGEST:
            raise Unauthenticated(
                f"the token is {len(token)} characters long; {_LONGEST} are allowed", hint=_HINT
            )
        try:
            key = self._keys().get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=_ALGORITHMS,
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=_LEEWAY_S,
                options={"require": list(_REQUIRED)},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise Transient("the token issuer's keys cannot be had", retry_after_s=1) from error
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthenticated(f"the token is not valid: {_why(error)}", hint=_HINT) from error
        return Caller(_claim(claims, "sub"), _claim(claims, "domain"))

    def _keys(self) -> PyJWKClient:
        import jwt

        if self._client is None:
            self._client = jwt.PyJWKClient(
                self._settings.jwks_url,
                cache_jwk_set=True,
                lifespan=_KEYS_KEPT_S,
                timeout=_ANSWERS_WITHIN_S,
            )
        return self._client


def bearer(header: str | None) -> str:
    """The token of an ``Authorization`` header.

    Raises:
        Unauthenticated: there is none.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("there is no bearer token", hint=_HINT)
    return token.strip()


def _claim(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise Unauthenticated(f"the token is not valid: it has no claim {name!r}", hint=_HINT)
    return value


def _why(error: Exception) -> str:
    """What is wrong with a token, without a part of it."""
    import jwt

    known = {
        jwt.ExpiredSignatureError: "it has expired",
        jwt.InvalidAudienceError: "it is for somebody else (aud)",
        jwt.InvalidIssuerError: "another issuer has made it (iss)",
        jwt.ImmatureSignatureError: "it is not valid yet",
        jwt.InvalidSignatureError: "its signature is wrong",
        jwt.MissingRequiredClaimError: str(error),
    }
    return next(
        (text for kind, text in known.items() if isinstance(error, kind)),
        "it is no JWT of the issuer's keys",
    )
