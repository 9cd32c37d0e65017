"""What the API server asks of the node a pod is on. The kubelet implements it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from spark_emulators.kubernetes.errors import ApiError, bad_request
from spark_emulators.kubernetes.store.store import Object

__all__ = ["ExecRequest", "LogOptions", "Machines", "NoNodes", "NodeRuntime", "Stream"]


@dataclass(frozen=True)
class LogOptions:
    """Which part of a container's log.

    Attributes:
        container: its name; checked already.
        follow: go on while the container runs.
        tail_lines: only the last lines; None for all.
        since_s: only what is younger; None for all.
        timestamps: put the time before each line.
        previous: of the container's last run.
        limit_bytes: stop after so many; None for no limit.
    """

    container: str
    follow: bool = False
    tail_lines: int | None = None
    since_s: float | None = None
    timestamps: bool = False
    previous: bool = False
    limit_bytes: int | None = None


@dataclass(frozen=True)
class ExecRequest:
    """What to run in a container, and which streams the client wants.

    Attributes:
        container: its name; checked already.
        command: argv; empty for attach.
        stdin: the client sends input.
        stdout: the client wants output.
        stderr: the client wants errors apart.
        tty: with a terminal.
    """

    container: str
    command: tuple[str, ...] = ()
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


class Stream(Protocol):
    """A client's end of an exec or attach."""

    async def read(self) -> bytes | None:
        """The next input; None when there is no more."""

    async def write(self, channel: int, data: bytes) -> None:
        """Send output: channel 1 is stdout, 2 stderr."""


class NodeRuntime(Protocol):
    """Pods as they run."""

    def logs(self, pod: Object, options: LogOptions) -> AsyncIterator[bytes]:
        """A container's log, in chunks."""

    async def execute(self, pod: Object, request: ExecRequest, stream: Stream) -> int:
        """Run a command to its end; returns its exit code."""

    async def connect(self, pod: Object, port: int, stream: Stream) -> None:
        """Carry bytes between a client and a pod's port until either ends it (channel 0)."""


class Machines(Protocol):
    """The machines below the nodes, and what befalls them."""

    async def lose(self, name: str) -> None:
        """The machine stops dead: nothing of it runs, and nobody says so."""

    async def return_(self, name: str) -> None:
        """It starts again; what it ran is written off."""

    async def preempt(self, name: str, notice_s: float) -> None:
        """Its owner takes it away: pods get the notice to end in, then it and its Node are gone."""

    def evict(self, pod: Object, message: str) -> None:
        """It runs short of something and ends a pod."""

    async def run_out_of_memory(self, pod: Object, container: str) -> None:
        """End a container as the kernel ends what is over its limit."""


class NoNodes:
    """A cluster without nodes: nothing runs anywhere."""

    async def logs(self, pod: Object, options: LogOptions) -> AsyncIterator[bytes]:
        raise not_running(pod, options.container)
        yield b""  # makes this an iterator

    async def execute(self, pod: Object, request: ExecRequest, stream: Stream) -> int:
        raise not_running(pod, request.container)

    async def connect(self, pod: Object, port: int, stream: Stream) -> None:
        raise not_running(pod, "")


def not_running(pod: Object, container: str) -> ApiError:
    """400: the container has not started."""
    metadata = pod["metadata"]
    return bad_request(
        f'container "{container}" in pod "{metadata["name"]}" is waiting to start:'
        " ContainerCreating"
    )
