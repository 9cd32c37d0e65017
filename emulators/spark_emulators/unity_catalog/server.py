"""The process: reads its settings, listens, serves, and stops when told."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.sockets import listen

__all__ = ["main"]

_LOG = logging.getLogger(__name__)
_BACKLOG = 128
_GRACE_S = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    parser = argparse.ArgumentParser(prog="python -m spark_emulators.unity_catalog")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings, JSON")
    arguments = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        _serve(arguments.config)
    except PlatformError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _serve(config_file: Path) -> None:
    import uvicorn

    from spark_emulators.unity_catalog.app import create_app
    from spark_emulators.unity_catalog.settings import Settings

    settings = Settings.from_file(config_file)
    with listen(settings.host, settings.port, backlog=_BACKLOG) as listener:
        app = create_app(settings)
        # h11 keeps the spelling of header names, which one client insists on: see wire.answers.
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                loop="asyncio",
                ws="none",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        # uvicorn stops on these, then raises them again for whoever handled them before it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        host, port = listener.getsockname()[:2]
        _LOG.info("serving Iceberg catalogs at http://%s:%s", host, port)
        server.run(sockets=[listener])
