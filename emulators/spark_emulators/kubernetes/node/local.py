"""A node of this machine, put together: addresses, the process runtime, a kubelet."""

from __future__ import annotations

import socket
from pathlib import Path

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.node.addresses import Addresses
from spark_emulators.kubernetes.node.context import NodeSettings
from spark_emulators.kubernetes.node.images import ImageCatalog
from spark_emulators.kubernetes.node.kubelet import Kubelet
from spark_emulators.kubernetes.node.process import ProcessRuntime
from spark_emulators.kubernetes.settings import NodeOptions

__all__ = ["LocalNode"]

_HTTPS = 443
_BACKLOG = 512
_MOST_PODS = "250"
_DISK = "100Gi"


class LocalNode:
    """See the module.

    Args:
        options: see there.
        name: the Node's.
        folder: where its pods have their files.

    Raises:
        Missing: this system cannot run pods as processes.
        InvalidInput: the file of images is none.
    """

    def __init__(self, options: NodeOptions, name: str, folder: Path) -> None:
        images = ImageCatalog.read(options.images) if options.images else ImageCatalog()
        self._addresses = Addresses()
        self._runtime = ProcessRuntime(images, self._addresses)
        self._settings = NodeSettings(
            name=name,
            folder=folder,
            capacity={
                "cpu": options.cpu,
                "memory": options.memory,
                "pods": _MOST_PODS,
                "ephemeral-storage": _DISK,
            },
            back_off_s=options.back_off_s,
        )
        self._port = _HTTPS
        self._kubelet: Kubelet

    @property
    def server(self) -> str:
        """The address at which pods find the API server."""
        return self._addresses.server

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
        self._kubelet = Kubelet(cluster, self._settings, self._runtime, (self.server, self._port))
        cluster.runtime = self._kubelet
        self._kubelet.start()

    async def stop(self) -> None:
        """End them all."""
        await self._kubelet.stop()
