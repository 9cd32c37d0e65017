"""Nodes of this machine, put together: one runtime, a kubelet for each.

They are told apart as machines are: one can be lost, come back, or be taken away, while pods of the
others run on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError, not_found
from spark_emulators.kubernetes.node.containers import ContainerRuntime
from spark_emulators.kubernetes.node.context import NodeSettings
from spark_emulators.kubernetes.node.kubelet import Kubelet
from spark_emulators.kubernetes.runtime import ExecRequest, LogOptions, Stream, not_running
from spark_emulators.kubernetes.settings import NodeOptions
from spark_emulators.kubernetes.store.store import Object

__all__ = ["LocalNodes", "make_runtime"]

_HTTPS = 443
_BACKLOG = 512
_MOST_PODS = "250"
_DISK = "100Gi"


class LocalNodes:
    """The nodes of one cluster (``NodeRuntime``), and their machines (``Machines``).

    Args:
        nodes: see there; by name.
        runtime: starts their containers.
        folder: where pods have their files.
    """

    def __init__(
        self, nodes: Sequence[NodeOptions], runtime: ContainerRuntime, folder: Path
    ) -> None:
        self._runtime = runtime
        self._settings = {
            each.name: _settings(each, folder / each.name, runtime.host_ip) for each in nodes
        }
        self._kubelets: dict[str, Kubelet] = {}
        self._port = _HTTPS
        self._cluster: Cluster

    @property
    def server(self) -> str:
        """The address at which pods find the API server."""
        return self._runtime.server

    def listen(self, port: int) -> socket.socket:
        """What the API server listens on for pods: 443, which is what its service's name says.

        Args:
            port: to be taken where 443 is root's; then only the variables in pods lead there.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.server, _HTTPS))
        except PermissionError:
            listener.bind((self.server, port))
            self._port = port
        listener.listen(_BACKLOG)
        return listener

    def start(self, cluster: Cluster) -> None:
        """Run the cluster's pods from now on."""
        self._cluster = cluster
        cluster.runtime = self
        for name in self._settings:
            self._start(name)

    async def stop(self) -> None:
        """End them all."""
        await asyncio.gather(*(each.stop() for each in self._kubelets.values()))
        await self._runtime.close()

    async def lose(self, name: str) -> None:
        """The machine stops dead: nothing of it runs, and nobody says so.

        Raises:
            ApiError: 404, there is none of that name.
        """
        self._known(name)
        kubelet = self._kubelets.pop(name, None)
        if kubelet:
            await kubelet.stop()

    async def return_(self, name: str) -> None:
        """It starts again; what it ran is written off.

        Raises:
            ApiError: 404, there is none of that name.
        """
        self._known(name)
        if name not in self._kubelets:
            self._start(name)

    async def preempt(self, name: str, notice_s: float) -> None:
        """Its owner takes it away: pods get the notice to end in, then machine and Node are gone.

        Raises:
            ApiError: 404, there is none of that name.
        """
        self._known(name)
        kubelet = self._kubelets.get(name)
        if kubelet:
            await kubelet.shut_down(notice_s)
        await self.lose(name)
        with contextlib.suppress(ApiError):
            self._cluster.delete("v1", "Node", "", name)

    def evict(self, pod: Object, message: str) -> None:
        """It runs short of something and ends a pod.

        Raises:
            ApiError: 400, it does not run.
        """
        self._of(pod, "").evict(pod, message)

    async def run_out_of_memory(self, pod: Object, container: str) -> None:
        """End a container as the kernel ends what is over its limit.

        Raises:
            ApiError: 400, it does not run.
        """
        running = self._of(pod, container).container(pod, container).running
        if running is None:
            raise not_running(pod, container)
        await running.run_out_of_memory()

    async def logs(self, pod: Object, options: LogOptions) -> AsyncIterator[bytes]:
        async for chunk in self._of(pod, options.container).logs(pod, options):
            yield chunk

    async def execute(self, pod: Object, request: ExecRequest, stream: Stream) -> int:
        return await self._of(pod, request.container).execute(pod, request, stream)

    async def connect(self, pod: Object, port: int, stream: Stream) -> None:
        await self._of(pod, "").connect(pod, port, stream)

    def _of(self, pod: Object, container: str) -> Kubelet:
        """The kubelet that has a pod.

        Raises:
            ApiError: 400 for a pod without a node, 500 where its machine does not answer.
        """
        name = pod["spec"].get("nodeName")
        if name not in self._settings:
            raise not_running(pod, container)
        if name not in self._kubelets:
            address = dig(pod, "status", "hostIP") or name
            text = f"dial tcp {address}:10250: connect: connection refused"
            raise ApiError(500, "InternalError", f"Internal error occurred: {text}")
        return self._kubelets[name]

    def _known(self, name: str) -> None:
        if name not in self._settings:
            raise not_found("", "nodes", name)

    def _start(self, name: str) -> None:
        server = (self.server, self._port)
        kubelet = Kubelet(self._cluster, self._settings[name], self._runtime, server)
        self._kubelets[name] = kubelet
        kubelet.start()


def make_runtime(name: str, cluster: str, images: Path | None) -> ContainerRuntime:
    """The runtime of that name: ``process`` or ``docker``.

    Args:
        cluster: whose, for people who look at what runs.
        images: file of images that processes can be of besides the machine's own.

    Raises:
        Missing: this system cannot run pods in that way.
        InvalidInput: the file of images is none.
    """
    if name == "docker":
        from spark_emulators.kubernetes.node.docker.runtime import DockerRuntime

        return DockerRuntime(cluster)
    from spark_emulators.kubernetes.node.addresses import Addresses
    from spark_emulators.kubernetes.node.images import ImageCatalog
    from spark_emulators.kubernetes.node.process import ProcessRuntime

    return ProcessRuntime(ImageCatalog.read(images) if images else ImageCatalog(), Addresses())


def _settings(options: NodeOptions, folder: Path, host_ip: str) -> NodeSettings:
    return NodeSettings(
        name=options.name,
        folder=folder,
        capacity={
            "cpu": options.cpu,
            "memory": options.memory,
            "pods": _MOST_PODS,
            "ephemeral-storage": _DISK,
        },
        labels=options.labels,
        taints=options.taints,
        back_off_s=options.back_off_s,
        host_ip=host_ip,
    )
