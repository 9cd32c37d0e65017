"""What a provider is: it turns a service's spec into something that runs, and can end it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spark_platform.kernel.process import ProcessId
from spark_testkit.service import Place, Service, ServiceRequest, ServiceSpec

__all__ = ["LOG_NAME", "Instance", "Location", "Provider", "log_tail"]

# in each service's folder on this machine
LOG_NAME = "log"
_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True)
class Location:
    """Where a service will be, before it is planned.

    Attributes:
        place: what its plan has to know of that.
        folder: its own folder, as it sees it.
        stack_folder: what it shares with the stack's other services, as it sees it.
        listens: purpose → the port to listen on; the published ports when None.
    """

    place: Place
    folder: Path
    stack_folder: Path
    listens: dict[str, int] | None = None


class Instance(Protocol):
    """A started service."""

    @property
    def identity(self) -> ProcessId | None:
        """Which process of this machine it is, if it is one."""

    @property
    def returncode(self) -> int | None:
        """The exit code; None while it runs, or has just ended and was not asked yet."""

    def alive(self) -> bool:
        """Whether it runs, by the word of whoever runs it, at this moment."""

    async def exited(self) -> int:
        """Wait for the end and return the exit code; negative is the signal that ended it."""

    async def stop(self) -> None:
        """Kill the service and all it started.

        At once: a stack's data ends with the stack, so there is nothing to save, and a graceful
        stop of every service would make `down` and each test run seconds slower.
        """


class Provider(Protocol):
    """Runs the services of one stack. Whatever becomes of this process, they end with it."""

    @property
    def name(self) -> str:
        """What users call it."""

    def locate(self, request: ServiceRequest, kind: Service, stack: Path) -> Location:
        """Where a service will be.

        Args:
            stack: the stack's folder on this machine.
        """

    async def start(self, spec: ServiceSpec, folder: Path) -> Instance:
        """Start a service, with its output in ``folder/log``.

        Raises:
            Missing: the program or image is not there.
            OSError: a file could not be written.
        """

    async def forget(self, name: str) -> None:
        """Delete the data of a service that has been stopped, as far as it is not in its folder."""

    async def close(self) -> None:
        """Take away what services shared, after all of them have been stopped."""


def log_tail(folder: Path, lines: int = 20) -> str:
    """The last ``lines`` lines that the service in ``folder`` printed."""
    try:
        with open(folder / LOG_NAME, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
