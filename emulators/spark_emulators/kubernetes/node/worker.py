"""One pod on a node, from its sandbox to its end.

The worker owns what runs; what it reports is computed from its records by ``podstatus``. It learns
of changes of its pod from the kubelet and never reads events.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spark_emulators.kubernetes.api.objects import copy, dig, parse_time
from spark_emulators.kubernetes.api.requests import DeleteOptions, WriteOptions
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.node.containerloop import ContainerLoop
from spark_emulators.kubernetes.node.containers import Sandbox
from spark_emulators.kubernetes.node.context import NodeContext
from spark_emulators.kubernetes.node.environment import Facts
from spark_emulators.kubernetes.node.podstatus import pod_status, terminated
from spark_emulators.kubernetes.node.volumes import MountFault, Volumes
from spark_emulators.kubernetes.store.store import Object

__all__ = ["PodWorker"]

_LOG = logging.getLogger(__name__)
_MOUNT_RETRY_S = 0.5
_REFRESH_VOLUMES_S = 30.0
_UNKNOWN = "The container could not be located when the pod was terminated"


class PodWorker:
    """See the module.

    Args:
        node: what workers of a node share.
        pod: as bound.
        folder: of this pod on this machine.
    """

    def __init__(self, node: NodeContext, pod: Object, folder: Path) -> None:
        self.node = node
        self.pod = pod
        self.folder = folder
        self.sandbox: Sandbox | None = None
        self.volumes: dict[str, Path] = {}
        spec = pod["spec"]
        self.init = [
            ContainerLoop(self, each, init=True) for each in spec.get("initContainers", ())
        ]
        self.main = [ContainerLoop(self, each) for each in spec["containers"]]
        self._began = node.now()
        self._outcome: dict[str, str] = {}
        self._going = asyncio.Event()
        self._renew = asyncio.Event()
        self._over = False
        self._vanished = False
        self._abandoned = False
        self._most_grace_s = math.inf
        self._task = asyncio.ensure_future(self._guarded())

    @property
    def containers(self) -> dict[str, ContainerLoop]:
        """All of them, by name."""
        return {each.record.name: each for each in (*self.init, *self.main)}

    @property
    def facts(self) -> Facts:
        """What the node knows of the pod."""
        return Facts(
            pod_ip=self.sandbox.ip if self.sandbox else "",
            host_ip=self.node.host_ip,
            allocatable=self.node.allocatable,
            services=self.node.service_variables(self.pod),
        )

    def find(self, plural: str, name: str) -> Object | None:
        """An object of the pod's namespace."""
        return self.node.cluster.context.find(plural, self.pod["metadata"]["namespace"], name)

    def changed(self, pod: Object) -> None:
        """The pod as it is now."""
        self.pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._going.set()

    def renew(self) -> None:
        """Give it new tokens, now."""
        self._renew.set()

    def vanished(self) -> None:
        """The pod is no more: end it at once."""
        self._vanished = True
        self._going.set()

    def end(self, reason: str, message: str, grace_s: float) -> None:
        """End the pod on the node's own account, as an eviction or a shutdown does.

        Args:
            grace_s: the longest it gets, whatever grace it has.
        """
        if not self._over:
            self._outcome = {"phase": "Failed", "reason": reason, "message": message,
                             "disruption": "TerminationByKubelet"}  # fmt: skip
            self._most_grace_s = grace_s
            self._going.set()

    async def finished(self) -> None:
        """Wait for the end of everything of the pod."""
        await asyncio.wait({self._task})

    def abandon(self) -> None:
        """Stop working without a word: the node itself goes."""
        self._abandoned = True
        self._task.cancel()

    def report(self) -> None:
        """Write the status that follows from the records, where it is another."""
        if self._vanished or self._abandoned:
            return
        context = self.node.cluster.context
        metadata = self.pod["metadata"]
        stored = context.find("pods", metadata["namespace"], metadata["name"])
        if stored is None or stored["metadata"]["uid"] != metadata["uid"]:
            return
        status = pod_status(
            stored.get("status") or {},
            stored["spec"],
            [each.record for each in self.init],
            [each.record for each in self.main],
            pod_ip=self.sandbox.ip if self.sandbox else "",
            host_ip=self.node.host_ip,
            now=self.node.now(),
            started_at=self._began,
            generation=stored["metadata"].get("generation", 1),
            outcome=self._outcome,
        )
        if status == stored.get("status"):
            return
        value: Object = copy(stored)
        value["status"] = status
        with contextlib.suppress(ApiError):
            self.node.cluster.update(value, WriteOptions(manager="kubelet"), subresource="status")

    async def _guarded(self) -> None:
        try:
            await self._run()
        except asyncio.CancelledError:
            await self._clear()
            raise
        except Exception as error:
            _LOG.exception("pod %s", self.pod["metadata"]["name"])
            await self._clear()
            # whoever waits for its end or its deletion must not wait for ever
            text = f"the node failed: {error!r}"
            self._outcome = {"phase": "Failed", "reason": "NodeError", "message": text}
            self._over = True
            self.report()
            await self._going.wait()
            self._delete()

    async def _run(self) -> None:
        if self._was_running():
            self._write_off()
        else:
            life = asyncio.ensure_future(self._live())
            going = asyncio.ensure_future(self._going.wait())
            deadline_s = self.pod["spec"].get("activeDeadlineSeconds")
            await asyncio.wait(
                {life, going}, timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not life.done() and not going.done():
                text = "Pod was active on the node longer than the specified deadline"
                self._outcome = {"phase": "Failed", "reason": "DeadlineExceeded", "message": text}
            if not life.done():
                await self._stop(life)
            life.cancel()
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await life
        self._over = True
        self.report()
        await self._clear()
        await self._going.wait()
        self._delete()

    async def _live(self) -> None:
        self.report()
        self.sandbox = await self.node.runtime.sandbox(self.pod, self.folder)
        # its name is known to others, and to itself, by its address
        self.report()
        self.node.changed()
        await self._mount()
        refreshing = asyncio.ensure_future(self._refresh())
        try:
            sidecars = []
            for each in self.init:
                if each.spec.get("restartPolicy") == "Always":
                    sidecars.append(asyncio.ensure_future(each.keep()))
                    await each.is_started()
                elif not await each.keep():
                    return
            await asyncio.gather(*(each.keep() for each in self.main))
            for sidecar in sidecars:
                sidecar.cancel()
            await asyncio.gather(*(each.stop(0) for each in self.init))
        finally:
            refreshing.cancel()

    async def _mount(self) -> None:
        """Make the volumes, as soon as all they need is there."""
        made = Volumes(self.pod, self.folder / "volumes", self.find, self._token, self.facts)
        told = ""
        while True:
            try:
                self.volumes = made.make()
                self._mounted = made
                return
            except (MountFault, OSError) as fault:
                if str(fault) != told:
                    told = str(fault)
                    text = f"MountVolume.SetUp failed for volume : {told}"
                    self.node.recorder.warning(self.pod, "FailedMount", text)
                await asyncio.sleep(_MOUNT_RETRY_S)

    async def _refresh(self) -> None:
        """Follow config maps and secrets, and renew tokens, while the pod runs."""
        while True:
            self._renew.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._renew.wait(), _REFRESH_VOLUMES_S)
            with contextlib.suppress(MountFault, OSError):
                self._mounted.make()

    def _token(self, source: Mapping[str, Any]) -> str:
        name = self.pod["spec"].get("serviceAccountName") or "default"
        account = self.find("serviceaccounts", name)
        if account is None:
            raise MountFault(f'serviceaccount "{name}" not found')
        return self.node.token(account, self.pod, source)

    async def _stop(self, life: asyncio.Future[None]) -> None:
        """End all containers, the sidecars last, within the grace there is."""
        grace_s = 0.0 if self._vanished else min(self._grace_s(), self._most_grace_s)
        for each in (*self.init, *self.main):
            each.no_more()
        await asyncio.gather(*(each.stop(grace_s) for each in self.main))
        await asyncio.gather(*(each.stop(grace_s) for each in self.init))
        life.cancel()
        for each in (*self.init, *self.main):
            if each.record.exit_code is None and not self._vanished:
                each.record.state = terminated(
                    137,
                    None,
                    self.node.now(),
                    "",
                    reason="ContainerStatusUnknown",
                    message=_UNKNOWN,
                )

    def _grace_s(self) -> float:
        metadata = self.pod["metadata"]
        ends = metadata.get("deletionTimestamp")
        asked_s = float(metadata.get("deletionGracePeriodSeconds", 30))
        if ends:
            # its whole seconds were rounded
            left_s = parse_time(ends) - self.node.now() + 1
            return max(0.0, min(left_s, asked_s))
        return float(self.pod["spec"].get("terminationGracePeriodSeconds", 30))

    def _was_running(self) -> bool:
        """Whether an earlier life of this node ran it: its processes ended with that."""
        statuses = dig(self.pod, "status", "containerStatuses") or []
        return any(each.get("containerID") for each in statuses)

    def _write_off(self) -> None:
        for each in (*self.init, *self.main):
            each.record.id = each.record.id or "unknown"
            each.record.state = terminated(
                137, None, self.node.now(), "", reason="ContainerStatusUnknown", message=_UNKNOWN
            )
        self._outcome = {"phase": "Failed", "reason": "", "message": ""}

    async def _clear(self) -> None:
        for each in (*self.init, *self.main):
            await each.stop(0)
        if self.sandbox:
            await self.node.runtime.remove(self.sandbox)
        shutil.rmtree(self.folder / "volumes", ignore_errors=True)
        shutil.rmtree(self.folder / "containers", ignore_errors=True)
        if self._vanished or self._going.is_set():
            shutil.rmtree(self.folder, ignore_errors=True)
        self.node.changed()

    def _delete(self) -> None:
        """The pod's object goes, when it is being deleted and nothing of it runs."""
        metadata = self.pod["metadata"]
        if self._vanished or not metadata.get("deletionTimestamp"):
            return
        with contextlib.suppress(ApiError):
            self.node.cluster.delete(
                "v1", "Pod", metadata["namespace"], metadata["name"],
                DeleteOptions(grace_s=0, uid=metadata["uid"]),
            )  # fmt: skip
