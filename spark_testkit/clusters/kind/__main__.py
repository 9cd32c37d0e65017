"""Fetch or build what kind clusters start from: ``python -m spark_testkit.clusters.kind``."""

from __future__ import annotations

import os
import sys

from spark_platform.kernel.errors import PlatformError
from spark_testkit.clusters.kind.flavor import KindFlavor
from spark_testkit.engine.progress import Progress
from spark_testkit.settings import Settings


def main() -> None:
    """Prepare; a line on stderr for each step's begin and end."""
    begun: set[str] = set()

    def tell(news: Progress) -> None:
        if news.done or news.step not in begun:
            begun.add(news.step)
            sys.stderr.write(f"==> {news.step}: {news.detail}\n")

    try:
        _, node = KindFlavor(Settings.from_env(os.environ)).prepare(tell)
    except PlatformError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    sys.stderr.write(f"==> {node.reference}\n")


if __name__ == "__main__":
    main()
