"""One thing that goes wrong on purpose, in a server that can be asked for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any

from spark_platform.kernel.errors import NotFound

__all__ = ["Fault", "Faulty"]


class Faulty(ABC):
    """What has faults on request, and says how to ask it."""

    def rules(self) -> list[dict[str, Any]]:
        """The faults there are, with their fields, ``id`` and ``hits``."""
        found: list[dict[str, Any]] = self._call("GET", "/faults")["items"]
        return found

    def remove(self, number: int) -> None:
        """Let one be over; one that is not there is no error."""
        try:
            self._call("DELETE", f"/faults/{number}")
        except NotFound:
            return

    def clear(self) -> None:
        """Let all be over. What they have done stays: nodes that were lost stay lost."""
        self._call("DELETE", "/faults")

    def _begin(self, effect: str, fields: dict[str, Any]) -> Fault:
        given = self._call("POST", "/faults", {"effect": effect, **fields})
        return Fault(self, given["id"])

    @abstractmethod
    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the server's door for tests; raises NotFound where it has not what is meant."""


class Fault:
    """One that lasts. A block of it ends with its removal.

    Args:
        server: whose.
        number: as the server knows it.
    """

    def __init__(self, server: Faulty, number: int) -> None:
        self._server = server
        self._number = number

    def hits(self) -> int:
        """How many requests (and of Kubernetes, streams) it has hit.

        Raises:
            NotFound: it was removed.
        """
        for each in self._server.rules():
            if each["id"] == self._number:
                return int(each["hits"])
        raise NotFound(f"fault {self._number} was removed")

    def remove(self) -> None:
        """Let it be over; once more is no error."""
        self._server.remove(self._number)

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()
