"""Fetch or build what kind clusters start from: ``python -m spark_testkit.clusters.kind``."""

from __future__ import annotations

import os
import sys

from spark_platform.kernel.errors import PlatformError
from spark_testkit.clusters.kind.flavor import KindFlavor
from spark_testkit.engine.progress import Progress
from spark_testkit.settings import Settings


def main() -> None:
    """Prepare; one line a step on stderr."""
    try:
        _, node = KindFlavor(Settings.from_env(os.environ)).prepare(_tell)
    except PlatformError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    sys.stderr.write(f"==> {node.reference}\n")


def _tell(progress: Progress) -> None:
    if progress.done:
        sys.stderr.write(f"==> {progress.step}: {progress.detail}\n")


if __name__ == "__main__":
    main()
