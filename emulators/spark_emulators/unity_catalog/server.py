"""The process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spark_emulators.unity_catalog.settings import Settings
from spark_platform.kernel.serving import run

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    # h11 keeps the spelling of header names, which one client insists on: see wire.answers.
    return run(
        argv,
        Settings,
        _create_app,
        program="python -m spark_emulators.unity_catalog",
        what="Iceberg catalogs",
        http="h11",
    )


def _create_app(settings: Settings) -> Starlette:
    from spark_emulators.unity_catalog.app import create_app

    return create_app(settings)
