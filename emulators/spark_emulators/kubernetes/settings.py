"""What one server is told at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["RUNTIMES", "NodeOptions", "Settings"]

RUNTIMES = ("process", "docker")


@dataclass(frozen=True)
class NodeOptions:
    """A node whose pods run on this machine.

    Attributes:
        name: the Node's; empty for ``<cluster>-worker``, ``<cluster>-worker2`` and so on.
        cpu, memory: capacity, as quantities. Requests are counted, not enforced: more than the
            machine has lets more pods run, each slower.
        labels: besides those that every node has.
        taints: as in the Node's spec.
        back_off_s: the first wait before a container is started again.
    """

    name: str = ""
    cpu: str = "16"
    memory: str = "64Gi"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
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
        nodes: run pods; none for an API server alone.
        runtime: what containers are: ``process``, or ``docker`` for the local engine's.
        region: that nodes say they are in; empty for none.
        images: JSON file of the images that processes can be of besides the machine's own, see
            ``node.images``.
        objects: YAML file of objects that there are from the start.
    """

    name: str = "emulated"
    host: str = "127.0.0.1"
    port: int = 6443
    data: Path | None = None
    kubeconfig: Path | None = None
    rbac: bool = True
    anonymous: bool = True
    window: int = 10_000
    nodes: tuple[NodeOptions, ...] = ()
    runtime: str = "process"
    region: str = ""
    images: Path | None = None
    objects: Path | None = None
