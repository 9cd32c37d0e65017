"""Bearer tokens, client certificates, anonymous."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spark_emulators.kubernetes.api.requests import Caller
from spark_emulators.kubernetes.auth.tokens import ISSUER
from spark_emulators.kubernetes.errors import ApiError, bad_request

__all__ = ["ANONYMOUS", "Authenticator", "ClientName", "impersonated"]

ANONYMOUS = Caller("system:anonymous", ("system:unauthenticated",))
AUTHENTICATED = "system:authenticated"
_ACCOUNT = "system:serviceaccount:"
_SUBPROTOCOL = "base64url.bearer.authorization.k8s.io."


@dataclass(frozen=True)
class ClientName:
    """The subject of a client certificate that the cluster's CA signed."""

    common_name: str
    organizations: tuple[str, ...] = ()


@dataclass
class Authenticator:
    """Tells who asks.

    Args:
        tokens: static tokens and whose they are.
        verify: checks any other token, such as a service account's, for audiences; None for an
            unknown one, or one of others.
        anonymous: let requests without credentials through, as ``system:anonymous``.
    """

    tokens: Mapping[str, Caller] = field(default_factory=dict)
    verify: Callable[[str, tuple[str, ...]], Caller | None] = field(default=lambda *_: None)
    anonymous: bool = True

    def authenticate(self, headers: Mapping[str, str], client: ClientName | None = None) -> Caller:
        """The caller of a request.

        Raises:
            ApiError: 401 for credentials that are not right.
        """
        token = bearer(headers)
        if token:
            found = self.of_token(token)
            if found is None:
                raise ApiError(401, "Unauthorized", "Unauthorized")
            return found
        if client is not None:
            return Caller(client.common_name, (*client.organizations, AUTHENTICATED))
        if headers.get("authorization") or not self.anonymous:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return ANONYMOUS

    def of_token(self, token: str, audiences: tuple[str, ...] = ()) -> Caller | None:
        """Whose token it is; None where nobody's.

        Args:
            token: the token.
            audiences: it must be for one of these; for this API where there is none.
        """
        for known, caller in self.tokens.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                # one that says nothing of audiences is for this API
                return caller if not audiences or ISSUER in audiences else None
        return self.verify(token, audiences)


def impersonated(headers: Mapping[str, str], groups: tuple[str, ...]) -> Caller | None:
    """Whom a request speaks for instead of its caller; None for itself.

    Args:
        groups: the request's ``Impersonate-Group`` headers.

    Raises:
        ApiError: 400 for groups of nobody.
    """
    name = headers.get("impersonate-user", "")
    if not name:
        if groups or headers.get("impersonate-uid"):
            raise bad_request("requested groups without impersonating a user name")
        return None
    parts = name.split(":")
    if not groups and name.startswith(_ACCOUNT) and len(parts) == 4:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{parts[2]}")
    if name != ANONYMOUS.name and AUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return Caller(name, groups, headers.get("impersonate-uid", ""))


def bearer(headers: Mapping[str, str]) -> str:
    """The token of a request, from its header or a WebSocket's subprotocol."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for each in headers.get("sec-websocket-protocol", "").split(","):
        encoded = each.strip()
        if encoded.startswith(_SUBPROTOCOL):
            text = encoded.removeprefix(_SUBPROTOCOL)
            try:
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            except (binascii.Error, UnicodeDecodeError):
                return ""
    return ""
