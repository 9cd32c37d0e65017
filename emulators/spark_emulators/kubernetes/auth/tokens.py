"""Service account tokens: signed JWTs, checked against the account they name."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from spark_emulators.kubernetes.api.requests import Caller
from spark_emulators.kubernetes.store.store import Key, Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["ISSUER", "Tokens"]

ISSUER = "https://kubernetes.default.svc.cluster.local"
_ALGORITHM = "ES256"
_CLAIM = "kubernetes.io"


class Tokens:
    """Signs and checks the tokens of one cluster.

    Args:
        store: where accounts and pods are.
        now: seconds since the epoch.
        key: the signing key; made at the first use where None.
    """

    def __init__(
        self, store: Store, now: Callable[[], float], key: EllipticCurvePrivateKey | None = None
    ) -> None:
        self._store = store
        self._now = now
        self._given = key
        self._expired: dict[tuple[str, str], int] = {}
        # ids of those issued in the very second of an expiry, after it: ``iat`` does not tell
        self._fresh: set[str] = set()
        self._listeners: list[Callable[[], None]] = []

    @property
    def _key(self) -> EllipticCurvePrivateKey:
        if self._given is None:
            from cryptography.hazmat.primitives.asymmetric import ec

            self._given = ec.generate_private_key(ec.SECP256R1())
        return self._given

    def issue(
        self,
        account: Mapping[str, Any],
        seconds: int,
        audiences: list[str],
        bound_to: Mapping[str, str] | None = None,
    ) -> tuple[str, int]:
        """A new token.

        Args:
            account: the ServiceAccount.
            seconds: how long it is good.
            audiences: whom it is for.
            bound_to: kind, name and uid of the object it ends with.

        Returns:
            The token, and when it expires.
        """
        import jwt

        metadata = account["metadata"]
        now = int(self._now())
        identity = str(uuid.uuid4())
        about: dict[str, Any] = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        if bound_to:
            about[bound_to["kind"].lower()] = {"name": bound_to["name"], "uid": bound_to["uid"]}
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "nbf": now,
            "iss": ISSUER,
            "jti": identity,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            _CLAIM: about,
        }
        if now in self._expired.values():
            self._fresh.add(identity)
        token = jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._kid()})
        return token, now + seconds

    def verify(self, token: str, audiences: tuple[str, ...] = ()) -> Caller | None:
        """Whose token it is; None where it is not good, or what it is bound to is gone."""
        if token.count(".") != 2:
            return None
        import jwt

        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                audience=list(audiences) or [ISSUER],
                issuer=ISSUER,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return None
        now = self._now()
        if claims["exp"] <= now:
            return None
        about = claims[_CLAIM]
        namespace, account = about["namespace"], about["serviceaccount"]
        if not self._is("serviceaccounts", namespace, account):
            return None
        if self._has_expired(namespace, account["name"], claims):
            return None
        extra: list[tuple[str, tuple[str, ...]]] = [
            ("authentication.kubernetes.io/credential-id", (f"JTI={claims['jti']}",))
        ]
        for kind in ("pod", "secret", "node"):
            bound = about.get(kind)
            if bound and not self._is(f"{kind}s", "" if kind == "node" else namespace, bound):
                return None
            if bound and kind == "pod":
                extra += [
                    ("authentication.kubernetes.io/pod-name", (bound["name"],)),
                    ("authentication.kubernetes.io/pod-uid", (bound["uid"],)),
                ]
        groups = (
            "system:serviceaccounts",
            f"system:serviceaccounts:{namespace}",
            "system:authenticated",
        )
        return Caller(claims["sub"], groups, account["uid"], tuple(extra))

    def expire(self, namespace: str = "", account: str = "") -> None:
        """Let the tokens end that were issued so far.

        Args:
            namespace, account: whose; empty for all.
        """
        self._expired[namespace, account] = int(self._now())
        self._fresh.clear()
        for each in self._listeners:
            each()

    def on_expiry(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have ``listener`` called after ``expire``; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _has_expired(self, namespace: str, account: str, claims: Mapping[str, Any]) -> bool:
        whose = ((namespace, account), (namespace, ""), ("", account), ("", ""))
        last = max(self._expired.get(each, -1) for each in whose)
        return bool(claims["iat"] <= last and claims["jti"] not in self._fresh)

    def _is(self, resource: str, namespace: str, wanted: Mapping[str, str]) -> bool:
        stored = self._store.get(Key(resource, namespace, wanted["name"]))
        return stored is not None and stored.value["metadata"]["uid"] == wanted["uid"]

    def configuration(self) -> dict[str, Any]:
        """OpenID discovery."""
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
        }

    def keys(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key set."""
        numbers = self._key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "use": "sig",
                    "kty": "EC",
                    "kid": self._kid(),
                    "alg": _ALGORITHM,
                    "crv": "P-256",
                    "x": _base64(numbers.x),
                    "y": _base64(numbers.y),
                }
            ]
        }

    def _kid(self) -> str:
        numbers = self._key.public_key().public_numbers()
        return hashlib.sha256(f"{numbers.x}".encode()).hexdigest()[:16]


def _base64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
