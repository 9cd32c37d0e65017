"""A server as a process: reads its settings, listens, serves, and stops when told."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.server_settings import ServerSettings
from spark_platform.kernel.sockets import listen

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["log_to_stderr", "run"]

S = TypeVar("S", bound=ServerSettings)

_LOG = logging.getLogger(__name__)
_BACKLOG = 128
_GRACE_S = 5
_UPGRADES = ("Unsupported upgrade request", "No supported WebSocket library detected")


def run(
    argv: Sequence[str] | None,
    settings: type[S],
    create_app: Callable[[S], Starlette],
    *,
    program: str,
    what: str,
    **options: Any,
) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        argv: the command line; the process's own when None.
        settings: what the file that ``--config`` names holds.
        program: how people start it, for its help.
        what: it serves, for its log.
        options: of uvicorn, besides those all servers have.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings, JSON")
    arguments = parser.parse_args(argv)
    log_to_stderr()
    logging.getLogger("uvicorn.error").addFilter(_is_no_upgrade)
    try:
        _serve(settings.from_file(arguments.config), create_app, what, options)
    except PlatformError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _is_no_upgrade(record: logging.LogRecord) -> bool:
    """Leave out uvicorn's two warnings of a connection that could be another protocol's.

    Java's HTTP client offers HTTP/2 with every request, and is content without.
    """
    return not record.getMessage().startswith(_UPGRADES)


def log_to_stderr() -> None:
    """Log as all servers do."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )


def _serve(
    settings: S, create_app: Callable[[S], Starlette], what: str, options: dict[str, Any]
) -> None:
    import uvicorn

    with listen(settings.host, settings.port, backlog=_BACKLOG) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings),
                loop="asyncio",
                ws="none",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=_GRACE_S,
                ssl_certfile=settings.certificate,
                ssl_keyfile=settings.key,
                **options,
            )
        )

        def stop(*_: object) -> None:
            # before uvicorn listens for signals itself; it raises them again when it has stopped
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        host, port = listener.getsockname()[:2]
        scheme = "https" if settings.certificate else "http"
        _LOG.info("serving %s at %s://%s:%s", what, scheme, host, port)
        server.run(sockets=[listener])
