"""What one server is told at its start: a JSON file, checked before anything is opened."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from spark_platform.kernel.errors import InvalidInput

__all__ = ["S3Settings", "Settings"]

_SECRET_NAME = re.compile(r"secret|token|password|credential|access.?key", re.I)


class _Strict(BaseModel):
    # The file holds storage keys, so a message about it must not quote it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class S3Settings(_Strict):
    """The store that logs are written to.

    Attributes:
        endpoint_url: None is AWS itself.
    """

    endpoint_url: str | None = None
    region: str = "us-east-1"
    access_key: SecretStr
    secret_key: SecretStr


class Settings(_Strict):
    """The whole server.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
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

    host: str = "127.0.0.1"
    port: int = Field(default=8085, ge=0, le=65535)
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

    @classmethod
    def from_file(cls, path: Path) -> Settings:
        """Read settings from a JSON file.

        Raises:
            InvalidInput: names the file and every wrong field, but no value.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False)
            )
            raise InvalidInput(f"{path}: {problems}") from None

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
