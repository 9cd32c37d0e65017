"""Where the toolkit keeps its things. Built once at a door (CLI, fixture) and passed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

__all__ = ["Settings"]

_NAME = "spark-testkit"


@dataclass(frozen=True)
class Settings:
    """The toolkit's two folders, and one choice.

    Attributes:
        state_dir: what runs now: stacks, their logs and databases.
        cache_dir: what can be made again: jars, engines, CDS archives.
        s3_server: the S3 server to run; None takes the best there is.
    """

    state_dir: Path
    cache_dir: Path
    s3_server: str | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """What ``SPARK_TESTKIT_STATE_DIR``, ``…_CACHE_DIR`` and ``…_S3`` say.

        Args:
            environ: the environment to read. A variable that is unset or empty means the
                platform's own user folder.
        """
        state = environ.get("SPARK_TESTKIT_STATE_DIR") or platformdirs.user_state_dir(_NAME)
        cache = environ.get("SPARK_TESTKIT_CACHE_DIR") or platformdirs.user_cache_dir(_NAME)
        return cls(
            Path(state).expanduser().absolute(),
            Path(cache).expanduser().absolute(),
            environ.get("SPARK_TESTKIT_S3") or None,
        )

    def as_env(self) -> dict[str, str]:
        """The variables that make ``from_env`` give these settings, for a child process."""
        return {
            "SPARK_TESTKIT_STATE_DIR": str(self.state_dir),
            "SPARK_TESTKIT_CACHE_DIR": str(self.cache_dir),
            "SPARK_TESTKIT_S3": self.s3_server or "",
        }
