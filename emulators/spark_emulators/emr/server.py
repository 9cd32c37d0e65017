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
    """Serve until SIGTERM or SIGINT; jobs that still run then are ended.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    parser = argparse.ArgumentParser(prog="python -m spark_emulators.emr")
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

    from spark_emulators.emr.domain import Domain
    from spark_emulators.emr.settings import Settings
    from spark_emulators.emr.wire.app import create_app

    settings = Settings.from_file(config_file)
    with listen(settings.host, settings.port, backlog=_BACKLOG) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(Domain.build(settings)),
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
        _LOG.info("serving EMR at http://%s:%s", host, port)
        server.run(sockets=[listener])
