"""Who gets a token: whoever has one of a trusted issuer, or a service principal's secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from spark_emulators.unity_catalog.access.issuers import Issuers
from spark_emulators.unity_catalog.access.principals import PrincipalKind
from spark_emulators.unity_catalog.access.tokens import ISSUER, Tokens, issuer_of
from spark_emulators.unity_catalog.acting import ADMIN
from spark_emulators.unity_catalog.store.principals import Principals
from spark_platform.kernel.errors import Forbidden, Unauthenticated

__all__ = ["Login"]

_SECRET_BYTES = 32


class Login:
    """Gives out tokens, and knows whose they are.

    Args:
        principals: who can have tokens.
        tokens: signs them.
        issuers: whose tokens are exchanged.
        admin_token: one of the admin's that nobody here has signed; empty for none.
    """

    def __init__(
        self, principals: Principals, tokens: Tokens, issuers: Issuers, admin_token: str = ""
    ) -> None:
        self._principals, self._tokens, self._issuers = principals, tokens, issuers
        self._admin_token = _hash(admin_token) if admin_token else ""

    @property
    def lifetime_s(self) -> int:
        """How long the tokens are good, in seconds."""
        return self._tokens.lifetime_s

    def who(self, token: str) -> str:
        """The name of whoever has a token of this catalog.

        Raises:
            Unauthenticated: it has expired, or is forged.
            Forbidden: another issuer's, or of somebody who is disabled or gone.
        """
        return self._enabled(self._verified(token))

    def exchange(self, subject_token: str) -> str:
        """A token of this catalog for one of a trusted issuer, or for one of its own.

        Raises:
            Unauthenticated, Forbidden: as ``who``.
            Transient: the issuer's keys cannot be had.
        """
        own = self._is_admin(subject_token) or issuer_of(subject_token) == ISSUER
        subject = (self._verified if own else self._issuers.subject)(subject_token)
        return self._tokens.issue(self._enabled(subject))

    def with_secret(self, client_id: str, secret: str) -> str:
        """A token of a service principal.

        Raises:
            Unauthenticated: there is none of that id and secret that is enabled.
        """
        known = self._principals.secret_hash(client_id)
        # as long for an unknown id as for a wrong secret
        if not hmac.compare_digest(known or _hash(""), _hash(secret)) or known is None:
            raise Unauthenticated("the client id is unknown, disabled, or its secret is wrong")
        return self._tokens.issue(client_id)

    def new_secret(self, id: str) -> str:
        """Give a service principal a new secret in place of the one it has; raises NotFound."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._principals.set_secret_hash(id, _hash(secret))
        return secret

    def _verified(self, token: str) -> str:
        return ADMIN if self._is_admin(token) else self._tokens.verify(token)

    def _is_admin(self, token: str) -> bool:
        return hmac.compare_digest(self._admin_token, _hash(token))

    def _enabled(self, name: str) -> str:
        principal = self._principals.named(name)
        # a group has no tokens: an issuer's user of the same name is somebody else
        if principal is None or not principal.active or principal.kind is PrincipalKind.GROUP:
            raise Forbidden(
                f"principal {name[:80]!r} is not enabled here",
                hint="the metastore's owner can add it at /api/1.0/unity-control/scim2/Users",
            )
        return name


def _hash(secret: str) -> str:
    # made of random bytes, so nobody can guess: a slow hash would protect nothing
    return hashlib.sha256(secret.encode()).hexdigest()
