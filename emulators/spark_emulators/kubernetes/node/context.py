"""What the workers of one node share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spark_emulators.kubernetes.auth.tokens import ISSUER
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.events import Recorder
from spark_emulators.kubernetes.node.containers import ContainerRuntime
from spark_emulators.kubernetes.store.store import Object

__all__ = ["NodeContext", "NodeSettings"]


@dataclass(frozen=True)
class NodeSettings:
    """One node.

    Attributes:
        name: of the Node.
        folder: where pods have their files.
        capacity: resources by name, as quantities.
        labels: besides the usual ones.
        taints: as in the Node's spec.
        back_off_s: the first wait before a container is started again; doubles up to 5 min.
        host_ip: the node's address.
    """

    name: str
    folder: Path
    capacity: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    back_off_s: float = 10.0
    host_ip: str = "127.0.0.1"


@dataclass
class NodeContext:
    """See the module.

    Attributes:
        settings: the node.
        cluster: whose node it is.
        runtime: starts containers.
        recorder: of events.
        server: host and port at which pods find the API server.
        hosts: the hosts file of a namespace, to be mounted.
        changed: to be called when a pod got or lost its address.
    """

    settings: NodeSettings
    cluster: Cluster
    runtime: ContainerRuntime
    recorder: Recorder
    server: tuple[str, int]
    hosts: Callable[[str], Path | None]
    changed: Callable[[], None]

    @property
    def host_ip(self) -> str:
        return self.settings.host_ip

    @property
    def allocatable(self) -> Mapping[str, str]:
        return self.settings.capacity

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.cluster.context.now()

    def token(self, account: Object, pod: Object, source: Mapping[str, Any]) -> str:
        """A service account's token that is good while the pod is there."""
        metadata = pod["metadata"]
        bound = {"kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        audience = source.get("audience")
        seconds = int(source.get("expirationSeconds", 3600))
        audiences = [audience] if audience else [ISSUER]
        return self.cluster.tokens.issue(account, seconds, audiences, bound)[0]

    def service_variables(self, pod: Object) -> dict[str, str]:
        """``{NAME}_SERVICE_HOST`` and ``…_PORT``; of the API server always."""
        host, port = self.server
        found = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port),
                 "KUBERNETES_SERVICE_PORT_HTTPS": str(port)}  # fmt: skip
        if not pod["spec"].get("enableServiceLinks", True):
            return found
        for stored in self.cluster.context.store.list("services", pod["metadata"]["namespace"]):
            spec = stored.value["spec"]
            address, ports = spec.get("clusterIP"), spec.get("ports") or []
            if stored.key.name == "kubernetes" or not ports or address in (None, "", "None"):
                continue
            prefix = stored.key.name.upper().replace("-", "_")
            found[f"{prefix}_SERVICE_HOST"] = address
            found[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
        return found
