"""Where the toolkit keeps its things. Built once at a door (CLI, fixture) and passed down."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import platformdirs

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Settings"]

N = TypeVar("N", int, float)

_NAME = "spark-testkit"


@dataclass(frozen=True)
class Settings:
    """The toolkit's two folders, and some choices.

    Attributes:
        state_dir: what runs now: stacks, their logs and databases.
        cache_dir: what can be made again: jars, engines, CDS archives.
        s3_server: the S3 server to run; None takes the best there is.
        container_memory_mib: memory of each container, MiB; None does not limit it.
        container_cpus: processors of each container; None does not limit them.
    """

    state_dir: Path
    cache_dir: Path
    s3_server: str | None = None
    container_memory_mib: int | None = None
    container_cpus: float | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """What ``SPARK_TESTKIT_STATE_DIR``, ``…_CACHE_DIR``, ``…_S3`` and ``…_CONTAINER_*`` say.

        Args:
            environ: the environment to read. A variable that is unset or empty means the
                platform's own user folder, or no limit.

        Raises:
            InvalidInput: a limit is not a positive number.
        """
        state = environ.get("SPARK_TESTKIT_STATE_DIR") or platformdirs.user_state_dir(_NAME)
        cache = environ.get("SPARK_TESTKIT_CACHE_DIR") or platformdirs.user_cache_dir(_NAME)
        return cls(
            Path(state).expanduser().absolute(),
            Path(cache).expanduser().absolute(),
            environ.get("SPARK_TESTKIT_S3") or None,
            _limit(environ, "SPARK_TESTKIT_CONTAINER_MEMORY_MIB", int),
            _limit(environ, "SPARK_TESTKIT_CONTAINER_CPUS", float),
        )

    def as_env(self) -> dict[str, str]:
        """The variables that make ``from_env`` give these settings, for a child process."""
        return {
            "SPARK_TESTKIT_STATE_DIR": str(self.state_dir),
            "SPARK_TESTKIT_CACHE_DIR": str(self.cache_dir),
            "SPARK_TESTKIT_S3": self.s3_server or "",
            "SPARK_TESTKIT_CONTAINER_MEMORY_MIB": str(self.container_memory_mib or ""),
            "SPARK_TESTKIT_CONTAINER_CPUS": str(self.container_cpus or ""),
        }


def _limit(environ: Mapping[str, str], name: str, kind: type[N]) -> N | None:
    text = environ.get(name)
    if not text:
        return None
    with contextlib.suppress(ValueError):
        value = kind(text)
        if 0 < value < float("inf"):
            return value
    raise InvalidInput(f"{name}={text!r} is not a positive number")
