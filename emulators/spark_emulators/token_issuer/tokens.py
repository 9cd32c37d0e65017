"""Signing: a key that stays, and the tokens made with it."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.errors import InvalidInput, Missing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["Signer"]

ALGORITHM = "ES256"
_COORDINATE = 32


class Signer:
    """Signs tokens with the key of a file.

    Args:
        file: the key, PEM; made where it is missing.
        now: seconds since the epoch.

    Raises:
        InvalidInput: the file holds no such key.
        Missing: it can be neither read nor made.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        self._key, self._now = _key(file), now

    def sign(self, claims: dict[str, Any], seconds: int) -> str:
        """A token with these claims, valid from now."""
        import jwt

        at = int(self._now())
        stamped = {**claims, "iat": at, "nbf": at, "exp": at + seconds, "jti": uuid.uuid4().hex}
        return jwt.encode(stamped, self._key, ALGORITHM, headers={"kid": self.public()["kid"]})

    def public(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517); its id is its thumbprint."""
        numbers = self._key.public_key().public_numbers()
        x, y = (_encoded(each.to_bytes(_COORDINATE, "big")) for each in (numbers.x, numbers.y))
        thumbprint = hashlib.sha256(
            f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()
        ).digest()
        return {
            "kty": "EC", "crv": "P-256", "x": x, "y": y,
            "alg": ALGORITHM, "use": "sig", "kid": _encoded(thumbprint),
        }  # fmt: skip


def _key(file: Path) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        if not file.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            pem = made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
                new.write(pem)
        found = serialization.load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise Missing(f"cannot read or make the key {file}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{file} holds no private key in PEM") from error
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != "secp256r1":
        raise InvalidInput(f"{file} holds a key of another kind than P-256")
    return found


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
