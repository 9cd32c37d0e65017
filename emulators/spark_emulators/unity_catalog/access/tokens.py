"""The catalog's own tokens: JWTs signed with RSA, as the open-source server's are."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["ISSUER", "LONGEST_TOKEN", "Tokens", "issuer_of", "new_key", "why_not_valid"]

ISSUER = "internal"
LONGEST_TOKEN = 16 * 1024
"""Characters; whatever is longer is not looked at."""

_ALGORITHM = "RS256"
_KEY_BITS = 2048
_KEY_NAME = "tokens"


class Tokens:
    """Signs and checks.

    Args:
        key: finds the signing key by name, PEM, or has it made; called at the first use.
        lifetime_s: how long a token is good, in seconds.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        key: Callable[[str, Callable[[], str]], str],
        lifetime_s: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.lifetime_s = lifetime_s
        self._find_key, self._now = key, now
        self._key: RSAPrivateKey | None = None
        self._lock = threading.Lock()

    def issue(self, principal: str) -> str:
        """A token of somebody's, good for ``lifetime_s`` from now."""
        at = int(self._now())
        return self._signed({"sub": principal, "type": "ACCESS", "exp": at + self.lifetime_s})

    def issue_for_ever(self, principal: str) -> str:
        """A token that never expires, for whoever sets the server up."""
        return self._signed({"sub": principal, "type": "SERVICE"})

    def verify(self, token: str) -> str:
        """Whose token it is.

        Raises:
            Unauthenticated: it has expired, or was never issued here.
            Forbidden: it says itself that somebody else issued it.
        """
        import jwt

        issuer = issuer_of(token)
        if issuer != ISSUER:
            raise Forbidden(
                f"tokens of issuer {issuer[:80]!r} are not taken here",
                hint="exchange it at /api/1.0/unity-control/auth/tokens for one of this catalog's",
            )
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._signer().public_key(),
                algorithms=[_ALGORITHM],
                issuer=ISSUER,
                options={"require": ["iat", "iss", "sub", "type"], "verify_exp": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthenticated(f"the token is not valid: {why_not_valid(error)}") from error
        expires = claims.get("exp")
        if claims["type"] != "SERVICE" and not (isinstance(expires, int) and expires > self._now()):
            raise Unauthenticated("the token is not valid: it has expired")
        return str(claims["sub"])

    def _signed(self, claims: dict[str, Any]) -> str:
        import jwt

        stamp = {"iss": ISSUER, "iat": int(self._now()), "jti": str(uuid.uuid4())}
        return jwt.encode({**stamp, **claims}, self._signer(), _ALGORITHM)

    def _signer(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        with self._lock:
            if self._key is None:
                pem = self._find_key(_KEY_NAME, new_key)
                found = serialization.load_pem_private_key(pem.encode(), None)
                assert isinstance(found, RSAPrivateKey)
                self._key = found
            return self._key


def issuer_of(token: str) -> str:
    """Who a token says has issued it: unchecked, so it decides nothing but whom to ask.

    Raises:
        Unauthenticated: it is no JWT that names one.
    """
    import jwt

    if len(token) > LONGEST_TOKEN:
        raise Unauthenticated(f"the token is longer than {LONGEST_TOKEN} characters")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError) as error:
        raise Unauthenticated("the token is not valid: it is no JWT") from error
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise Unauthenticated("the token is not valid: it names no issuer")
    return issuer


def why_not_valid(error: Exception) -> str:
    """What is wrong with a token, without any part of it."""
    import jwt

    known: tuple[tuple[type[Exception], str], ...] = (
        (jwt.ExpiredSignatureError, "it has expired"),
        (jwt.InvalidAudienceError, "it is for somebody else (aud)"),
        (jwt.ImmatureSignatureError, "it is not valid yet"),
        (jwt.InvalidSignatureError, "its signature is wrong"),
        (jwt.MissingRequiredClaimError, str(error)),
    )
    return next(
        (text for kind, text in known if isinstance(error, kind)), "it is no JWT of the issuer's"
    )


def new_key() -> str:
    """A key that tokens can be signed with, PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
