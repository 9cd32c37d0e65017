"""The process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spark_emulators.emr.settings import Settings
from spark_platform.kernel.serving import run

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; jobs that still run then are ended.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    return run(argv, Settings, _create_app, program="python -m spark_emulators.emr", what="EMR")


def _create_app(settings: Settings) -> Starlette:
    from spark_emulators.emr.domain import Domain
    from spark_emulators.emr.wire.app import create_app

    return create_app(Domain.build(settings))
