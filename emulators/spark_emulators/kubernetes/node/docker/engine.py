"""What the runtime asks of a Docker engine, one blocking call each.

A pod is a network namespace that a container of its own holds: the containers of the pod join it,
so that each can be started anew while the pod keeps its address.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_emulators.kubernetes.node.containers import ContainerSpec, ImageFault, StartFault
from spark_emulators.kubernetes.node.docker.streams import Connection
from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.docker.reaper import LABEL
from spark_platform.kernel.errors import Missing

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["Ended", "Engine", "Image"]

# what holds a pod's network, in whatever image the pod has
_HOLD = ["sleep", "infinity"]
_NETWORKS = range(16, 250)
_OVERLAPS = "overlaps"


@dataclass(frozen=True)
class Image:
    """An image as the engine has it."""

    id: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Ended:
    """How a container ended.

    Attributes:
        code: its exit code.
        oom_killed: the kernel ended it for its memory.
    """

    code: int
    oom_killed: bool


class Engine:
    """The local Docker engine, for one cluster.

    Args:
        owner: labels what is made here, so that it can be swept away.

    Raises:
        Missing: no engine answers, or no network is left.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._daemon = Daemon()
        self.version = self._daemon.version
        self._network, self.subnet = self._make_network()

    def close(self) -> None:
        """Let go of the connection; what was made stays for the reaper."""
        self._daemon.client.close()

    def image(self, reference: str) -> Image:
        """An image that is here, or that a registry gives.

        Raises:
            ImageFault: neither.
        """
        found = self._daemon.image(reference)
        if found is None and self._daemon.pull(reference):
            found = self._daemon.image(reference)
        if found is None:
            raise ImageFault(f'failed to pull and unpack image "{reference}": not found')
        config = found["Config"]
        pairs = (each.partition("=") for each in config.get("Env") or ())
        return Image(
            found["Id"],
            tuple(config.get("Entrypoint") or ()),
            tuple(config.get("Cmd") or ()),
            {name: value for name, _, value in pairs},
        )

    def hold(self, image: str, hostname: str, address: str) -> Container:
        """Start what holds a pod's address.

        Raises:
            StartFault: the image has no ``sleep``.
        """
        import docker

        client = self._daemon.client
        endpoint = client.api.create_endpoint_config(ipv4_address=address)
        with docker_errors("making a pod's sandbox"):
            made = client.api.create_container(
                image,
                _HOLD[1:],
                entrypoint=_HOLD[:1],
                hostname=hostname[:63],
                labels={LABEL: self._owner},
                networking_config=client.api.create_networking_config({self._network: endpoint}),
                host_config=client.api.create_host_config(network_mode=self._network, init=True),
            )
        holder = client.containers.get(made["Id"])
        try:
            holder.start()
        except docker.errors.APIError as error:
            self.remove(holder)
            raise StartFault(f"image {image} cannot hold a pod: {error.explanation}") from error
        return holder

    def create(self, holder: Container, spec: ContainerSpec, argv: Sequence[str]) -> Container:
        """Make a container in a pod's sandbox, not started yet.

        Raises:
            StartFault: the engine takes it for no container.
        """
        import docker
        from docker.types import Mount

        mounts = [
            Mount(each.target, str(each.source), type="bind", read_only=each.read_only)
            for each in spec.mounts
        ]
        limits = {} if spec.memory_bytes is None else {
            "mem_limit": spec.memory_bytes, "memswap_limit": spec.memory_bytes
        }  # fmt: skip
        try:
            return self._daemon.client.containers.create(
                spec.image,
                list(argv[1:]),
                entrypoint=list(argv[:1]),
                environment=dict(spec.environment),
                working_dir=spec.overrides.get("workingDir"),
                labels={LABEL: self._owner},
                mounts=mounts,
                network_mode=f"container:{holder.id}",
                stdin_open=spec.stdin,
                **limits,
            )
        except docker.errors.APIError as error:
            raise StartFault(str(error.explanation)) from error

    def output(self, container: Container) -> Connection:
        """What a container will print; ask before its start."""
        wanted = {"stdout": 1, "stderr": 1, "stream": 1}
        with docker_errors("attaching to a container"):
            return Connection(container.attach_socket(params=wanted))

    def start(self, container: Container) -> None:
        """Start a container.

        Raises:
            StartFault: its program cannot be run; the container is removed.
        """
        import docker

        try:
            container.start()
        except docker.errors.APIError as error:
            self.remove(container)
            raise StartFault(str(error.explanation)) from error

    def wait(self, container: Container) -> Ended:
        """A container's end."""
        with docker_errors("waiting for a container"):
            code = container.wait(timeout=None)["StatusCode"]
            container.reload()
        return Ended(code, bool(container.attrs["State"]["OOMKilled"]))

    def signal(self, container: Container, number: int) -> None:
        """Send a signal; nothing where it has ended."""
        import docker

        try:
            container.kill(signal=number)
        except docker.errors.APIError as error:
            if error.status_code not in (404, 409):
                raise

    def remove(self, container: Container) -> None:
        """Remove a container, running or not; nothing where it is gone."""
        import docker

        try:
            container.remove(force=True, v=True)
        except docker.errors.APIError as error:
            if error.status_code not in (404, 409):
                raise

    def execute(
        self, container: Container, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> tuple[str, Connection]:
        """Begin one more command in a container; its id and its streams."""
        api = self._daemon.client.api
        with docker_errors("running a command in a container"):
            made = api.exec_create(container.id, list(command), stdin=stdin, tty=tty)
            return made["Id"], Connection(api.exec_start(made["Id"], tty=tty, socket=True))

    def exit_code(self, execution: str) -> int:
        """Of a command that has ended."""
        with docker_errors("looking for a command's end"):
            return int(self._daemon.client.api.exec_inspect(execution)["ExitCode"] or 0)

    def _make_network(self) -> tuple[str, ipaddress.IPv4Network]:
        """A network of this cluster's own, whose addresses are given out here."""
        import docker
        from docker.types import IPAMConfig, IPAMPool

        for number in random.sample(_NETWORKS, len(_NETWORKS)):
            subnet = ipaddress.IPv4Network(f"10.{number}.0.0/16")
            pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
            try:
                made = self._daemon.client.networks.create(
                    f"sparktk-{self._owner}",
                    driver="bridge",
                    ipam=IPAMConfig(pool_configs=[pool]),
                    labels={LABEL: self._owner},
                )
            except docker.errors.APIError as error:
                if _OVERLAPS not in str(error.explanation):
                    raise
                continue
            return str(made.name), subnet
        raise Missing("no network of 10.0.0.0/8 is left for pods", hint="`docker network prune`")
