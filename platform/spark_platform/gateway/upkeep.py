"""What is done again and again while the gateway serves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spark_platform.kernel.errors import PlatformError

__all__ = ["repeated"]

_LOG = logging.getLogger(__name__)
_ENDS_WITHIN_S = 10.0


@contextmanager
def repeated(name: str, every_s: float, action: Callable[[], object]) -> Iterator[None]:
    """Have something done now, and again and again, on a thread; one that fails is done again.

    Args:
        name: of it, for the log.
        every_s: seconds between an end and the next beginning.
        action: what.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                action()
            except PlatformError as error:
                _LOG.warning("%s: %s; again in %g s", name, error.message, every_s)
            except Exception:
                _LOG.exception("%s; again in %g s", name, every_s)
            stop.wait(every_s)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_ENDS_WITHIN_S)
