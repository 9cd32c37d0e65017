"""What one Gateway is told at its start."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from spark_platform.identity import IssuerSettings
from spark_platform.kernel.server_settings import ServerSettings, Strict

__all__ = ["ClusterSettings", "Settings"]


class ClusterSettings(Strict):
    """A cluster behind the gateway.

    Attributes:
        kubeconfig: of it; None for the pod's own service account.
        context: of the kubeconfig; None for its current one.
        region, engines, weight: see ``routing.Cluster``.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    region: str = ""
    engines: frozenset[str] = frozenset()
    weight: float = Field(default=1.0, ge=0)


class Settings(ServerSettings):
    """The whole server.

    Attributes:
        database: URL of SQLite or PostgreSQL; replicas that share one are one Gateway.
        clusters: by name.
        policy: file of domains, YAML: see ``policy.Policy``.
        issuer: whose tokens are trusted.
    """

    database: str
    clusters: dict[str, ClusterSettings] = Field(min_length=1)
    policy: Path
    issuer: IssuerSettings
