"""What one server is told at its start."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr

from spark_platform.kernel.server_settings import Port, ServerSettings, Strict

__all__ = ["S3Settings", "Settings"]

_SECRET_NAME = re.compile(r"secret|token|password|credential|access.?key", re.I)


class S3Settings(Strict):
    """The store that logs are written to.

    Attributes:
        endpoint_url: None is AWS itself.
    """

    endpoint_url: str | None = None
    region: str = "us-east-1"
    access_key: SecretStr
    secret_key: SecretStr


class Settings(ServerSettings):
    """The whole server.

    Attributes:
        spark_home: the Spark of releases that ``spark_homes`` does not name; None refuses them.
        spark_homes: release label ("emr-7.9.0") to Spark's folder.
        java_home: the Java of jobs; None leaves it to ``spark-submit``.
        python: the Python of jobs; None leaves it to ``spark-submit``.
        spark_defaults: Spark configuration of every job, which the job's own wins over.
        environment: variables of every job, over those of the server.
        temp_dir: where jobs have their working folders.
        cores: N of ``local[N]``.
        stop_grace_s: seconds between asking a job to end and killing it.
        state_pause_s: seconds a job run stays in each state before RUNNING, so that clients see it.
        s3: where logs go; None keeps them from being written.
    """

    port: Port = 8085
    spark_home: Path | None = None
    spark_homes: dict[str, Path] = Field(default_factory=dict)
    java_home: Path | None = None
    python: Path | None = None
    spark_defaults: dict[str, SecretStr] = Field(default_factory=dict)
    environment: dict[str, SecretStr] = Field(default_factory=dict)
    temp_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()))
    cores: int = Field(default=2, ge=1)
    stop_grace_s: float = Field(default=10, ge=0)
    state_pause_s: float = Field(default=0.1, ge=0)
    s3: S3Settings | None = None

    def home_of(self, release_label: str) -> Path | None:
        """The Spark of a release, if there is one on this machine."""
        home = self.spark_homes.get(release_label, self.spark_home)
        return home if home and (home / "bin" / "spark-submit").is_file() else None

    def secrets(self) -> frozenset[str]:
        """Every value that nobody may read in an answer."""
        named: Mapping[str, SecretStr] = {**self.spark_defaults, **self.environment}
        values = {
            value.get_secret_value() for key, value in named.items() if _SECRET_NAME.search(key)
        }
        if self.s3:
            values |= {self.s3.access_key.get_secret_value(), self.s3.secret_key.get_secret_value()}
        return frozenset(value for value in values if value)
