"""What a kubelet asks of a container runtime. Two keep it: processes and Docker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from spark_emulators.kubernetes.runtime import ExecRequest, Stream
from spark_emulators.kubernetes.store.store import Object

__all__ = [
    "Container",
    "ContainerRuntime",
    "ContainerSpec",
    "Exit",
    "ImageFault",
    "Mount",
    "Sandbox",
    "StartFault",
]


class ImageFault(Exception):
    """An image cannot be had: the kubelet's ErrImagePull."""


class StartFault(Exception):
    """A container could not be started: the runtime's StartError."""


@dataclass(frozen=True)
class Mount:
    """A folder or file of the node in a container.

    Attributes:
        source: on this machine.
        target: in the container.
        read_only: whether the container may not write.
    """

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class ContainerSpec:
    """One run of one container, with everything resolved.

    Attributes:
        name: the container's.
        image: as the pod names it.
        overrides: the container's ``command``, ``args`` and ``workingDir``, unexpanded.
        environment: resolved; without the image's.
        mounts: volumes and what the node adds.
        memory_bytes: the limit; None for no limit.
        stdin: keep standard input open.
    """

    name: str
    image: str
    overrides: Mapping[str, object]
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    memory_bytes: int | None = None
    stdin: bool = False


@dataclass(frozen=True)
class Exit:
    """How a container ended.

    Attributes:
        code: 128 + the signal where one ended it.
        oom_killed: it went over its memory limit.
        message: what the runtime has to say of it.
    """

    code: int
    oom_killed: bool = False
    message: str = ""


class Container(Protocol):
    """One that was started.

    Attributes:
        id: as in ``containerID``, without the runtime's name.
        image_id: identity of what it runs.
    """

    id: str
    image_id: str

    async def wait(self) -> Exit:
        """Its end."""

    async def signal(self, number: int) -> None:
        """Send its first process a signal; nothing where it has ended."""

    async def run_out_of_memory(self) -> None:
        """End it as the kernel ends what is over its limit; nothing where it has ended."""

    async def execute(self, request: ExecRequest, stream: Stream | None) -> int:
        """Run one more command in it; output is dropped without a stream. Returns its exit code."""


class Sandbox(Protocol):
    """What the containers of a pod share.

    Attributes:
        ip: the pod's address.
    """

    ip: str


class ContainerRuntime(Protocol):
    """Starts containers.

    Attributes:
        name: before ``://`` in ids.
        version: as nodes report it.
        server: the address of this machine at which pods find the API server.
        host_ip: the address that nodes have.
    """

    name: str
    version: str
    server: str
    host_ip: str

    async def sandbox(self, pod: Object, folder: Path) -> Sandbox:
        """An address and a place for a new pod."""

    async def start(self, sandbox: Sandbox, spec: ContainerSpec, log: Path) -> Container:
        """Start a container whose output goes to ``log``, see ``logs``.

        Raises:
            ImageFault: its image is not to be had.
            StartFault: its program cannot be run.
        """

    async def remove(self, sandbox: Sandbox) -> None:
        """Give back what a pod had; its containers have ended."""

    async def close(self) -> None:
        """End everything at once."""
