"""What one Gateway is told at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spark_platform.gateway.connect.pools import Pool, Pools
from spark_platform.identity import IssuerSettings
from spark_platform.kernel.server_settings import Port, ServerSettings, Strict
from spark_platform.model import Executors, Size

__all__ = [
    "ArchiveSettings",
    "BackendSettings",
    "ClusterSettings",
    "ConnectSettings",
    "DockerSettings",
    "EmrSettings",
    "PoolSettings",
    "Settings",
]


class BackendSettings(Strict):
    """A backend that is no Kubernetes.

    Attributes:
        conf: settings of all its jobs, whatever their applications say: where tables lie, for one.
        provided: variables that its jobs have by other means than a cluster's secrets: what names
            them is taken all the same.
        looks_every_s: seconds between two looks at its jobs.
    """

    conf: dict[str, str] = Field(default_factory=dict)
    provided: frozenset[str] = frozenset()
    looks_every_s: float = Field(default=5.0, gt=0)


class EmrSettings(BackendSettings):
    """EMR Serverless; who asks is said by AWS's own variables.

    Attributes:
        application: its id; it is the gateway's alone.
        role: the ARN as which jobs run.
        log_uri: ``s3://…`` where logs go; empty for none.
        aws_region: where the application is; empty for AWS's own variable.
    """

    kind: Literal["emr"]
    application: str = Field(min_length=1)
    role: str = Field(min_length=1)
    log_uri: str = ""
    aws_region: str = ""


class DockerSettings(BackendSettings):
    """The Docker engine that ``DOCKER_HOST`` says.

    Attributes:
        prefix: of containers' names.
        network: that they join; empty for the engine's own.
    """

    kind: Literal["docker"]
    prefix: str = "spark-job-"
    network: str = ""


class ClusterSettings(Strict):
    """A cluster behind the gateway.

    Attributes:
        backend: what it is instead of a Kubernetes; None where it is one.
        kubeconfig: of it; None for the pod's own service account.
        context: of the kubeconfig; None for its current one.
        region, engines, weight: see ``routing.Cluster``.
        namespace_objects: file of what each domain's namespace has there, YAML: see
            ``namespaces.read_objects``; the gateway makes namespaces where there is one.
    """

    backend: Annotated[EmrSettings | DockerSettings, Field(discriminator="kind")] | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    region: str = ""
    engines: frozenset[str] = frozenset()
    weight: float = Field(default=1.0, ge=0)
    namespace_objects: Path | None = None

    @model_validator(mode="after")
    def _is_one(self) -> ClusterSettings:
        if self.backend and (self.kubeconfig or self.context or self.namespace_objects):
            raise ValueError("kubeconfig, context and namespace_objects are for a Kubernetes alone")
        return self


class ArchiveSettings(Strict):
    """What becomes of applications that have finished.

    Attributes:
        ttl_s: seconds until one is deleted from its cluster that says no time itself; None for
            never.
        days: how long it is in the archive.
        sweep_every_s: seconds between two looks at what has finished.
    """

    ttl_s: int | None = Field(default=7 * 86_400, ge=0)
    days: int = Field(default=90, ge=1)
    sweep_every_s: float = Field(default=60.0, gt=0)


class SizeSettings(Strict):
    """What a driver or an executor may use: see ``model.Size``."""

    cores: int = Field(default=1, ge=1)
    memory_mib: int = Field(default=1024, ge=512)

    def size(self) -> Size:
        """The model's."""
        return Size(self.cores, self.memory_mib)


class ExecutorSettings(SizeSettings):
    """The executors of a driver: see ``model.Executors``."""

    minimum: int = Field(default=1, ge=0)
    maximum: int = Field(default=1, ge=1)


class PoolSettings(Strict):
    """The drivers of a domain: see ``connect.pools.Pool``."""

    image: str
    spark_version: str
    conf: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    driver: SizeSettings = SizeSettings()
    executors: ExecutorSettings = ExecutorSettings()
    service_account: str = "spark"
    size: int = Field(default=1, ge=0)
    most: int = Field(default=10, ge=1)
    idle_s: float = Field(default=1800, ge=60)
    oldest_s: float = Field(default=86400, ge=60)
    starts_within_s: float = Field(default=300, ge=10)

    def pool(self) -> Pool:
        """The pool's own form."""
        sizes = {"driver", "executors"}
        return Pool(
            **self.model_dump(exclude=sizes),
            driver=self.driver.size(),
            executors=Executors(
                self.executors.size(), self.executors.minimum, self.executors.maximum
            ),
        )


class ConnectSettings(Strict):
    """The door of Spark Connect.

    Attributes:
        port: where it listens, with the server's host; 0 takes a free one.
        tls_port: where it listens with TLS as well, and at ``port`` without: clients of Spark 3.5
            send a token over TLS only, newer ones without it to ``localhost`` only.
        certificate, key: files of TLS, PEM; None for plain HTTP/2.
        pools: of drivers, by domain.
        other_pools: of domains that are not among them; None where they have none.
    """

    port: Port
    tls_port: Port | None = None
    certificate: Path | None = None
    key: Path | None = None
    pools: dict[str, PoolSettings] = Field(default_factory=dict)
    other_pools: PoolSettings | None = None

    @model_validator(mode="after")
    def _has_a_certificate(self) -> ConnectSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.tls_port is not None and self.certificate is None:
            raise ValueError("tls_port needs a certificate and its key")
        return self

    def all_pools(self) -> Pools:
        """The pools' own form."""
        named = {domain: each.pool() for domain, each in self.pools.items()}
        return Pools(named, self.other_pools.pool() if self.other_pools else None)


class Settings(ServerSettings):
    """The whole server.

    Attributes:
        database: URL of SQLite or PostgreSQL; replicas that share one are one Gateway.
        clusters: by name.
        policy: file of domains, YAML: see ``policy.Policy``.
        issuer: whose tokens are trusted.
        archive: of finished applications.
        audit_days: how long entries of the audit are kept.
        connect: the door of Spark Connect; None for none.
    """

    database: str
    clusters: dict[str, ClusterSettings] = Field(min_length=1)
    policy: Path
    issuer: IssuerSettings
    archive: ArchiveSettings = ArchiveSettings()
    audit_days: int = Field(default=400, ge=1)
    connect: ConnectSettings | None = None
