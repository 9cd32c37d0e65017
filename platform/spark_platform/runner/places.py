"""Where a domain's jobs run, and news from there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from spark_platform.backends.backend import Backend
from spark_platform.kernel.errors import PlatformError
from spark_platform.model import Observation
from spark_platform.runner.settings import Sk8Settings

__all__ = ["Places", "places_of"]

_LOG = logging.getLogger(__name__)
_AGAIN_AFTER_S = 2.0
_ENDS_WITHIN_S = 10.0


class Places:
    """The backends of all domains, made when their first job comes.

    Args:
        place_of: a domain → the place its jobs run at; several may share one.
        make: a place → its backend.
        changed: told of jobs as they change, wherever a backend tells; None to hear nothing.
    """

    def __init__(
        self,
        place_of: Callable[[str], str],
        make: Callable[[str], Backend],
        changed: Callable[[Observation], None] | None = None,
    ) -> None:
        self._place_of, self._make, self._changed = place_of, make, changed
        self._backends: dict[str, Backend] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._watches: list[threading.Thread] = []

    def of(self, domain: str) -> Backend:
        """Where a domain's jobs run.

        Raises:
            InvalidInput: nobody runs jobs of that domain.
        """
        place = self._place_of(domain)
        with self._lock:
            found = self._backends.get(place)
            if found is None:
                found = self._backends[place] = self._make(place)
                if self._changed is not None and found.capabilities().watches:
                    watch = threading.Thread(
                        target=self._watch,
                        args=(found, self._changed),
                        name=f"watch {place}",
                        daemon=True,
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

    def _watch(self, backend: Backend, changed: Callable[[Observation], None]) -> None:
        while not self._stop.is_set():
            try:
                for seen in backend.watch(self._stop):
                    changed(seen)
            except PlatformError as error:
                # runs are asked about in their turn anyhow
                _LOG.warning("no news from %s: %s", backend.name, error.message)
                self._stop.wait(_AGAIN_AFTER_S)
            except Exception:
                _LOG.exception("no news from %s", backend.name)
                self._stop.wait(_AGAIN_AFTER_S)


def places_of(
    settings: Sk8Settings, changed: Callable[[Observation], None] | None = None
) -> Places:
    """The namespaces of one Kubernetes API; see ``Places``."""

    def namespace_of(domain: str) -> str:
        return settings.namespaces.get(domain) or settings.namespace or domain

    def make(namespace: str) -> Backend:
        from spark_platform.backends.sk8.backend import Sk8
        from spark_platform.kernel.kubernetes.client import connect

        return Sk8(
            connect(settings.kubeconfig, settings.context),
            namespace,
            kept_s=settings.kept_s,
            conf=settings.conf,
            secrets=settings.secrets,
        )

    return Places(namespace_of, make, changed)
