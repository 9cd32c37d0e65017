"""The kubelet: a worker for each pod bound to its node, and the node's own object and lease."""

from __future__ import annotations

import asyncio
import platform
import shutil
from collections.abc import AsyncIterator, Callable
from typing import Any

from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError, bad_request
from spark_emulators.kubernetes.events import Recorder
from spark_emulators.kubernetes.node import connections, logs
from spark_emulators.kubernetes.node.containerloop import ContainerLoop
from spark_emulators.kubernetes.node.containers import ContainerRuntime
from spark_emulators.kubernetes.node.context import NodeContext, NodeSettings
from spark_emulators.kubernetes.node.hosts import Hosts
from spark_emulators.kubernetes.node.worker import PodWorker
from spark_emulators.kubernetes.runtime import ExecRequest, LogOptions, Stream, not_running
from spark_emulators.kubernetes.store.store import DELETED, Object
from spark_emulators.kubernetes.version import GIT_VERSION
from spark_platform.kernel.files import private_folder

__all__ = ["Kubelet"]

_FINAL = ("Succeeded", "Failed")
_HEARTBEAT_S = 10.0
_LEASE_S = 40
_SHUTDOWN = "Pod was terminated in response to imminent node shutdown."


class Kubelet:
    """A node that runs pods, and what the API server asks of it (``NodeRuntime``).

    Args:
        cluster: whose node.
        settings: the node.
        runtime: starts containers.
        server: host and port at which pods find the API server.
        resolves: keep hosts files for pods, where the runtime has no DNS of its own.
    """

    def __init__(
        self, cluster: Cluster, settings: NodeSettings, runtime: ContainerRuntime,
        server: tuple[str, int], *, resolves: bool = True,
    ) -> None:  # fmt: skip
        self.settings = settings
        self._cluster = cluster
        self._runtime = runtime
        self._hosts = Hosts(cluster, settings.folder / "hosts", server[0]) if resolves else None
        self._node = NodeContext(
            settings=settings,
            cluster=cluster,
            runtime=runtime,
            recorder=Recorder(cluster, "kubelet", settings.name),
            server=server,
            hosts=self._hosts.file if self._hosts else lambda _: None,
            changed=self._resolve,
        )
        self._workers: dict[str, PodWorker] = {}
        self._store = cluster.context.store
        self._cursor = 0
        self._scheduled = False
        self._unsubscribe: list[Callable[[], None]] = []
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Register, take up the pods there are, and follow what changes; on the running loop."""
        private_folder(self.settings.folder)
        self._register()
        self._cursor = self._store.revision
        for stored in self._store.list("pods"):
            self._see(stored.value)
        self._unsubscribe = [
            self._store.subscribe("pods", self._notice),
            self._store.subscribe("services", self._resolve),
            self._cluster.tokens.on_expiry(self._renew),
        ]
        self._beating = asyncio.ensure_future(self._beat())

    async def stop(self) -> None:
        """End all pods at once, without a word to the API."""
        for end in self._unsubscribe:
            end()
        if self._beating:
            self._beating.cancel()
        self._node.recorder.mute()
        workers = list(self._workers.values())
        for worker in workers:
            worker.abandon()
        await asyncio.gather(*(each.finished() for each in workers))

    async def shut_down(self, notice_s: float) -> None:
        """Take no more pods and end those there are: the machine will be switched off.

        Args:
            notice_s: the longest that pods get to end in.
        """
        self._unready("node is shutting down")
        workers = list(self._workers.values())
        for worker in workers:
            worker.end("Terminated", _SHUTDOWN, notice_s)
        await asyncio.gather(*(each.finished() for each in workers))

    def evict(self, pod: Object, message: str) -> None:
        """End a pod because the machine runs short of something.

        Raises:
            ApiError: 400, it does not run here.
        """
        worker = self.worker(pod)
        if worker is None:
            raise not_running(pod, "")
        self._node.recorder.warning(pod, "Evicted", message)
        worker.end("Evicted", message, 0)

    def worker(self, pod: Object) -> PodWorker | None:
        """Who runs a pod here."""
        return self._workers.get(pod["metadata"]["uid"])

    async def logs(self, pod: Object, options: LogOptions) -> AsyncIterator[bytes]:
        loop = self.container(pod, options.container)
        record = loop.record
        if options.previous and not record.restarts:
            metadata = pod["metadata"]
            raise bad_request(
                f'previous terminated container "{options.container}" in pod'
                f' "{metadata["name"]}" not found'
            )
        file = loop.log(record.restarts - 1 if options.previous else record.restarts)
        if not file.exists():
            raise not_running(pod, options.container)
        run = record.restarts

        def running() -> bool:
            return not options.previous and loop.running is not None and record.restarts == run

        async for chunk in logs.read(file, options, running, self._cluster.context.now):
            yield chunk

    async def execute(self, pod: Object, request: ExecRequest, stream: Stream) -> int:
        container = self.container(pod, request.container).running
        if container is None:
            raise bad_request(f"container {request.container} is not running")
        return await container.execute(request, stream)

    async def connect(self, pod: Object, port: int, stream: Stream) -> None:
        if self.worker(pod) is None:
            uid = pod["metadata"]["uid"]
            raise ApiError(404, "NotFound", f'failed to find sandbox "{uid}" in store: not found')
        await connections.carry(dig(pod, "status", "podIP") or "", port, stream)

    def container(self, pod: Object, name: str) -> ContainerLoop:
        """A container of a pod here.

        Raises:
            ApiError: 400, there is none.
        """
        worker = self.worker(pod)
        loop = worker.containers.get(name) if worker else None
        if loop is None:
            raise not_running(pod, name)
        return loop

    def _notice(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._scheduled = False
        for change in self._store.changes("pods", self._cursor):
            self._cursor = change.revision
            if change.type == DELETED:
                worker = self._workers.pop(change.now.value["metadata"]["uid"], None)
                if worker:
                    worker.vanished()
                    self._resolve()
            else:
                self._see(change.now.value)

    def _see(self, pod: Object) -> None:
        if pod["spec"].get("nodeName") != self.settings.name:
            return
        uid, metadata = pod["metadata"]["uid"], pod["metadata"]
        worker = self._workers.get(uid)
        if worker:
            worker.changed(pod)
        elif dig(pod, "status", "phase") not in _FINAL:
            name = f"{metadata['namespace']}_{metadata['name']}_{uid}"
            folder = private_folder(self.settings.folder / "pods" / name)
            self._workers[uid] = PodWorker(self._node, pod, folder)
            if metadata.get("deletionTimestamp"):
                self._workers[uid].changed(pod)

    def _renew(self) -> None:
        for worker in self._workers.values():
            worker.renew()

    def _resolve(self) -> None:
        if self._hosts:
            self._hosts.refresh()

    def _register(self) -> None:
        """Write the node's object as this kubelet has it."""
        value = self._value()
        found = self._cluster.context.find("nodes", "", self.settings.name)
        if found is None:
            found = self._cluster.create({key: value[key] for key in value if key != "status"})
        changed: Object = copy(found)
        changed["status"] = value["status"]
        self._cluster.update(changed, WriteOptions(manager="kubelet"), subresource="status")

    def _unready(self, message: str) -> None:
        value: Object = copy(self._cluster.get("v1", "Node", "", self.settings.name))
        now = self._cluster.context.timestamp()
        ready = _condition("Ready", "False", "KubeletNotReady", message, now)
        conditions = value["status"]["conditions"]
        conditions[:] = [ready if each["type"] == "Ready" else each for each in conditions]
        self._cluster.update(value, WriteOptions(manager="kubelet"), subresource="status")

    def _value(self) -> dict[str, Any]:
        settings, now = self.settings, self._cluster.context.timestamp()
        name, machine = settings.name, {"x86_64": "amd64", "aarch64": "arm64"}
        system, architecture = "linux", machine.get(platform.machine(), platform.machine())
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": system,
            "kubernetes.io/arch": architecture,
            "beta.kubernetes.io/os": system,
            "beta.kubernetes.io/arch": architecture,
            **settings.labels,
        }
        uname = platform.uname()
        return {
            "kind": "Node",
            "apiVersion": "v1",
            "metadata": {"name": name, "labels": labels},
            "spec": {"taints": [dict(each) for each in settings.taints]} if settings.taints else {},
            "status": {
                "capacity": dict(settings.capacity),
                "allocatable": dict(settings.capacity),
                "conditions": [_condition(*each, now) for each in _CONDITIONS],
                "addresses": [
                    {"type": "InternalIP", "address": settings.host_ip},
                    {"type": "Hostname", "address": name},
                ],
                "nodeInfo": {
                    "machineID": "",
                    "systemUUID": "",
                    "bootID": "",
                    "kernelVersion": uname.release,
                    "osImage": "spark-testkit",
                    "containerRuntimeVersion": f"{self._runtime.name}://{self._runtime.version}",
                    "kubeletVersion": GIT_VERSION,
                    "kubeProxyVersion": "",
                    "operatingSystem": system,
                    "architecture": architecture,
                },
            },
        }

    async def _beat(self) -> None:
        """Renew the node's lease while it lives."""
        name = self.settings.name
        while True:
            spec = {
                "holderIdentity": name,
                "leaseDurationSeconds": _LEASE_S,
                "renewTime": self._cluster.context.timestamp()[:-1] + ".000000Z",
            }
            group, namespace = "coordination.k8s.io/v1", "kube-node-lease"
            try:
                lease: Object = copy(self._cluster.get(group, "Lease", namespace, name))
                lease["spec"] = spec
                self._cluster.update(lease, WriteOptions(manager="kubelet"))
            except ApiError as error:
                if error.code != 404:
                    raise
                metadata = {"name": name, "namespace": namespace}
                self._cluster.create(
                    {"apiVersion": group, "kind": "Lease", "metadata": metadata, "spec": spec}
                )
            await asyncio.sleep(_HEARTBEAT_S)

    def forget(self) -> None:
        """Delete what pods left on this machine."""
        shutil.rmtree(self.settings.folder, ignore_errors=True)


_CONDITIONS = (
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> dict[str, str]:
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
