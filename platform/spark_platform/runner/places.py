"""Where a domain's jobs run, and news from there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from spark_platform.backends.backend import Backend
from spark_platform.kernel.errors import PlatformError

__all__ = ["Places"]

_LOG = logging.getLogger(__name__)
_AGAIN_AFTER_S = 2.0
_ENDS_WITHIN_S = 10.0


class Places:
    """The backends of all domains: each is made when its first job comes, and watched from then on.

    Args:
        make: a domain → its backend.
        changed: told the name of a job whose state may have changed.
    """

    def __init__(self, make: Callable[[str], Backend], changed: Callable[[str], None]) -> None:
        self._make, self._changed = make, changed
        self._backends: dict[str, Backend] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._watches: list[threading.Thread] = []

    def of(self, domain: str) -> Backend:
        """Where a domain's jobs run.

        Raises:
            InvalidInput: nobody runs jobs of that domain.
        """
        with self._lock:
            found = self._backends.get(domain)
            if found is None:
                found = self._backends[domain] = self._make(domain)
                if found.capabilities().watches:
                    watch = threading.Thread(
                        target=self._watch, args=(found,), name=f"watch {domain}", daemon=True
                    )
                    watch.start()
                    self._watches.append(watch)
        return found

    def close(self) -> None:
        """End the watches and let go of all backends."""
        self._stop.set()
        for watch in self._watches:
            watch.join(_ENDS_WITHIN_S)
        for backend in self._backends.values():
            backend.close()

    def _watch(self, backend: Backend) -> None:
        while not self._stop.is_set():
            try:
                for seen in backend.watch(self._stop):
                    self._changed(seen.name)
            except PlatformError as error:
                # runs are asked about in their turn anyhow
                _LOG.warning("no news from %s: %s", backend.name, error.message)
                self._stop.wait(_AGAIN_AFTER_S)
            except Exception:
                _LOG.exception("no news from %s", backend.name)
                self._stop.wait(_AGAIN_AFTER_S)
