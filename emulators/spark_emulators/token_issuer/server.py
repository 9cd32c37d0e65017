"""The process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spark_emulators.token_issuer.settings import Settings
from spark_platform.kernel.serving import run

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    program = "python -m spark_emulators.token_issuer"
    return run(argv, Settings, _create_app, program=program, what="tokens")


def _create_app(settings: Settings) -> Starlette:
    from spark_emulators.token_issuer.app import create_app

    return create_app(settings)
