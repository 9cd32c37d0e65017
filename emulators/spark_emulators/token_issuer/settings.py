"""What one server is told at its start."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from spark_platform.kernel.server_settings import ServerSettings

__all__ = ["Settings"]


class Settings(ServerSettings):
    """The whole server.

    Attributes:
        issuer: its URL, as tokens name it.
        audience: whom tokens are for where a request does not say.
        key_file: the signing key, PEM; made where it is missing, so that tokens outlive a restart.
        client_secret: of whoever may ask for tokens.
        longest_s: how long a token may be valid at most, in seconds.
    """

    issuer: str
    audience: str = "spark-platform"
    key_file: Path
    client_secret: SecretStr
    longest_s: int = Field(default=30 * 24 * 3600, gt=0)
