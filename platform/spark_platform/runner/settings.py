"""What one Runner is told at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from spark_platform.identity import IssuerSettings
from spark_platform.kernel.server_settings import Port, ServerSettings, Strict

__all__ = ["EngineSettings", "Settings", "Sk8Settings"]


class EngineSettings(Strict):
    """An engine that jobs may name.

    Attributes:
        image: its moving tag.
        spark_version: of the Spark inside: ``4.1.4``.
        digest: what the tag means, where a release says so.
    """

    image: str
    spark_version: str
    digest: str = ""


class Sk8Settings(Strict):
    """The Kubernetes API that takes SparkApplications: a cluster's, or a gateway's.

    Attributes:
        kubeconfig: of it; None for the pod's own service account.
        context: of the kubeconfig; None for its current one.
        namespaces: of domains whose namespace has another name than the domain.
        namespace: of all other domains; None for one that is called as the domain.
        kept_s: seconds that pods stay after a job's end, for their logs.
        conf: Spark's settings of jobs that do not say them.
        secrets: variables of jobs that do not say them → ``secret:key``.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    namespaces: dict[str, str] = Field(default_factory=dict)
    namespace: str | None = None
    kept_s: int = Field(default=24 * 3600, ge=0)
    conf: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)


class Settings(ServerSettings):
    """The whole server.

    Attributes:
        grpc_port: of the gRPC door; None for none, 0 takes a free one.
        database: URL of SQLite or PostgreSQL; replicas that share one are one Runner.
        engines: by version: ``4.1``.
        digests: who is asked what a tag means: the Docker engine here, or nobody.
        issuer: whose tokens are trusted.
        sk8: where jobs run.
        threads: runs looked at at once.
        lease_s: seconds after which another replica takes over from one that was killed.
    """

    grpc_port: Port | None = None
    database: str
    engines: dict[str, EngineSettings] = Field(min_length=1)
    digests: Literal["docker", "none"] = "none"
    issuer: IssuerSettings
    sk8: Sk8Settings = Sk8Settings()
    threads: int = Field(default=8, ge=1)
    lease_s: float = Field(default=60.0, gt=0)
