"""What one server is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Settings"]


@dataclass(frozen=True)
class NodeOptions:
    """A node whose pods are processes of this machine.

    Attributes:
        name: the Node's; empty for ``<cluster>-worker``.
        images: JSON file of the images there are besides the machine's own, see ``node.images``.
        cpu, memory: capacity, as quantities. Requests are counted, not enforced: more than the
            machine has lets more pods run, each slower.
        back_off_s: the first wait before a container is started again.
    """

    name: str = ""
    images: Path | None = None
    cpu: str = "16"
    memory: str = "64Gi"
    back_off_s: float = 10.0


@dataclass(frozen=True)
class Settings:
    """One server.

    Attributes:
        name: the cluster's, for contexts of kubeconfigs.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        data: folder of what outlives the process; None keeps everything in memory.
        kubeconfig: where to write the administrator's kubeconfig; None writes none.
        rbac: evaluate roles; else whoever is known may do everything.
        anonymous: let requests without credentials through (RBAC then decides).
        window: changes of one resource that watchers can go back to.
        node: runs pods; None for an API server alone.
    """

    name: str = "emulated"
    host: str = "127.0.0.1"
    port: int = 6443
    data: Path | None = None
    kubeconfig: Path | None = None
    rbac: bool = True
    anonymous: bool = True
    window: int = 10_000
    node: NodeOptions | None = None
