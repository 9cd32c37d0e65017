"""One container of a pod: started, probed, started again by policy, stopped with grace."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_emulators.kubernetes.api import quantities
from spark_emulators.kubernetes.node import probes
from spark_emulators.kubernetes.node.containers import (
    Container,
    ContainerSpec,
    Exit,
    ImageFault,
    Mount,
    StartFault,
)
from spark_emulators.kubernetes.node.environment import ConfigFault, expand, resolve
from spark_emulators.kubernetes.node.podstatus import (
    BACKING_OFF,
    INITIALIZING,
    Record,
    terminated,
)
from spark_emulators.kubernetes.node.volumes import mounts_of

if TYPE_CHECKING:
    from spark_emulators.kubernetes.node.worker import PodWorker

__all__ = ["ContainerLoop"]

_LONGEST_BACK_OFF_S = 300.0
_CONFIG_RETRY_S = 1.0
_MESSAGE_BYTES = 4096
_MESSAGE_LINES = 80


class ContainerLoop:
    """See the module.

    Args:
        pod: whose container.
        spec: the container, as in the pod.
        init: one that runs before the others.
    """

    def __init__(self, pod: PodWorker, spec: Mapping[str, Any], *, init: bool = False) -> None:
        self.spec = spec
        self.record = Record(spec["name"], spec["image"])
        if not init and pod.pod["spec"].get("initContainers"):
            self.record.state = dict(INITIALIZING)
        self._pod = pod
        self._init = init
        self._field = f"spec.{'initContainers' if init else 'containers'}{{{spec['name']}}}"
        self._running: Container | None = None
        self._began = 0.0
        self._started = asyncio.Event()
        self._over = False

    @property
    def running(self) -> Container | None:
        """What runs now."""
        return self._running

    def log(self, restart: int) -> Path:
        """The log of one run."""
        return self._pod.folder / "logs" / self.record.name / f"{restart}.log"

    async def keep(self) -> bool:
        """Run it as often as the pod's policy wants; returns whether it ended well."""
        waits_s = 0.0
        while True:
            ended = await self._once()
            if ended is None:
                return False
            policy = self.spec.get("restartPolicy") or self._pod.pod["spec"]["restartPolicy"]
            if self._init and policy != "Never" and "restartPolicy" not in self.spec:
                policy = "OnFailure"
            if self._over or policy == "Never" or (policy == "OnFailure" and ended.code == 0):
                return ended.code == 0
            self.record.last_state = self.record.state
            if waits_s:
                await self._back_off(waits_s)
            first_s = self._pod.node.settings.back_off_s
            waits_s = min(max(first_s, waits_s * 2), _LONGEST_BACK_OFF_S)
            self.record.restarts += 1

    async def is_started(self) -> None:
        """Wait until it runs and its startup probe is content."""
        await self._started.wait()

    def no_more(self) -> None:
        """Do not start it again."""
        self._over = True

    async def stop(self, grace_s: float) -> None:
        """End it: its hook, SIGTERM, and after the grace SIGKILL."""
        self._over = True
        container = self._running
        if container is None:
            return
        self._pod.node.recorder.normal(
            self._pod.pod, "Killing", f"Stopping container {self.record.name}", self._field
        )
        ending = asyncio.ensure_future(container.wait())
        if grace_s > 0:
            hook = (self.spec.get("lifecycle") or {}).get("preStop")
            begun = asyncio.get_running_loop().time()
            if hook:
                await self._hook(hook, container, grace_s)
            left_s = max(0.0, grace_s - (asyncio.get_running_loop().time() - begun))
            await container.signal(signal.SIGTERM)
            await asyncio.wait({ending}, timeout=left_s)
        if not ending.done():
            await container.signal(signal.SIGKILL)
        self._ended(await ending)

    async def _hook(self, hook: Mapping[str, Any], container: Container, grace_s: float) -> None:
        if "sleep" in hook:
            await asyncio.sleep(min(hook["sleep"]["seconds"], grace_s))
            return
        sandbox = self._pod.sandbox
        ip = sandbox.ip if sandbox else ""
        handler = {**hook, "timeoutSeconds": grace_s}
        wrong = await probes.ask(handler, container, ip, self.spec.get("ports"))
        if wrong:
            self._warn("FailedPreStopHook", "PreStopHook failed")

    async def _once(self) -> Exit | None:
        """One run; None where it is not to be started after all."""
        container = await self._start()
        if isinstance(container, Exit):
            self._ended(container)
            return container
        if container is None:
            return None
        watching = asyncio.ensure_future(self._probe(container))
        try:
            ended = await container.wait()
        finally:
            watching.cancel()
        self._ended(ended)
        return ended

    async def _start(self) -> Container | Exit | None:
        runtime, recorder, pod = self._pod.node.runtime, self._pod.node.recorder, self._pod.pod
        assert self._pod.sandbox is not None
        log = self.log(self.record.restarts)
        log.parent.mkdir(parents=True, exist_ok=True)
        pull_wait_s = self._pod.node.settings.back_off_s
        while not self._over:
            self._began = self._pod.node.now()
            try:
                container = await runtime.start(self._pod.sandbox, self._resolved(), log)
            except ConfigFault as fault:
                await self._cannot("CreateContainerConfigError", str(fault), _CONFIG_RETRY_S)
            except ImageFault as fault:
                self._warn("Failed", f'Failed to pull image "{self.spec["image"]}": {fault}')
                self._waits("ErrImagePull", str(fault))
                await asyncio.sleep(min(1.0, pull_wait_s))
                text = f'Back-off pulling image "{self.spec["image"]}": ErrImagePull: {fault}'
                await self._cannot("ImagePullBackOff", text, pull_wait_s)
                pull_wait_s = min(pull_wait_s * 2, _LONGEST_BACK_OFF_S)
            except StartFault as fault:
                return Exit(128, message=str(fault))
            else:
                self._runs(container)
                name = self.record.name
                recorder.normal(pod, "Created", f"Container created: {name}", self._field)
                recorder.normal(pod, "Started", f"Container started: {name}", self._field)
                return container
        return None

    def _runs(self, container: Container) -> None:
        record, runtime = self.record, self._pod.node.runtime
        self._running = container
        record.id = f"{runtime.name}://{container.id}"
        record.image_id = container.image_id
        began = terminated(0, self._began, self._began, "")["terminated"]["startedAt"]
        record.state = {"running": {"startedAt": began}}
        record.started = "startupProbe" not in self.spec
        record.ready = record.started and "readinessProbe" not in self.spec
        if record.started:
            self._started.set()
        self._pod.report()

    def _ended(self, ended: Exit) -> None:
        if self._running is None and self.record.exit_code is not None:
            return
        self._running = None
        record = self.record
        reason = "OOMKilled" if ended.oom_killed else ""
        message = self._last_message(ended)
        if ended.message:
            reason = "StartError"
        record.state = terminated(
            ended.code, self._began, self._pod.node.now(), record.id, reason=reason, message=message
        )
        record.started = False
        # an init container that did its work counts as ready
        record.ready = self._init and ended.code == 0
        self._pod.report()

    def _last_message(self, ended: Exit) -> str:
        if ended.message:
            return ended.message
        file = self._message_file()
        text = (
            file.read_bytes()[:_MESSAGE_BYTES].decode("utf-8", "replace") if file.exists() else ""
        )
        falls_back = self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if text or not falls_back or ended.code == 0:
            return text
        with contextlib.suppress(OSError):
            lines = self.log(self.record.restarts).read_text("utf-8", "replace").splitlines()
            texts = [line.split(" ", 3)[-1] for line in lines[-_MESSAGE_LINES:]]
            return "\n".join(texts)[-2048:]
        return ""

    async def _back_off(self, seconds: float) -> None:
        pod, metadata = self._pod.pod, self._pod.pod["metadata"]
        name, uid = self.record.name, metadata["uid"]
        where = f"{metadata['name']}_{metadata['namespace']}({uid})"
        text = f"back-off {seconds:g}s restarting failed container={name} pod={where}"
        self._waits(BACKING_OFF, text)
        text = f"Back-off restarting failed container {name} in pod {where}"
        self._pod.node.recorder.warning(pod, "BackOff", text, self._field)
        await asyncio.sleep(seconds)

    async def _cannot(self, reason: str, message: str, seconds: float) -> None:
        self._waits(reason, message)
        await asyncio.sleep(seconds)

    def _waits(self, reason: str, message: str) -> None:
        self.record.state = {"waiting": {"message": message, "reason": reason}}
        self._pod.report()

    def _warn(self, reason: str, message: str) -> None:
        self._pod.node.recorder.warning(self._pod.pod, reason, message, self._field)

    def _resolved(self) -> ContainerSpec:
        pod, spec = self._pod, self.spec
        environment = resolve(pod.pod, spec, pod.facts, pod.find)
        mounts = list(mounts_of(spec, pod.volumes, lambda text: expand(text, environment)))
        message = self._message_file()
        message.parent.mkdir(parents=True, exist_ok=True)
        message.write_bytes(b"")
        message.chmod(0o666)
        mounts.append(Mount(message, spec.get("terminationMessagePath") or "/dev/termination-log"))
        hosts = pod.node.hosts(pod.pod["metadata"]["namespace"])
        if hosts:
            mounts.append(Mount(hosts, "/etc/hosts"))
        limit = ((spec.get("resources") or {}).get("limits") or {}).get("memory")
        return ContainerSpec(
            name=spec["name"],
            image=spec["image"],
            overrides={key: spec[key] for key in ("command", "args", "workingDir") if key in spec},
            environment=environment,
            mounts=tuple(mounts),
            memory_bytes=int(quantities.parse(limit)) if limit else None,
            stdin=bool(spec.get("stdin")),
        )

    def _message_file(self) -> Path:
        return self._pod.folder / "containers" / f"{self.record.name}.message"

    async def _probe(self, container: Container) -> None:
        startup = self.spec.get("startupProbe")
        if startup:
            if not await self._passes_once(startup, container):
                await self._kill_unhealthy(container, "startup")
                return
            self.record.started = True
            self.record.ready = "readinessProbe" not in self.spec
            self._started.set()
            self._pod.report()
        readiness, liveness = self.spec.get("readinessProbe"), self.spec.get("livenessProbe")
        tasks = []
        if readiness:
            tasks.append(self._watch_ready(readiness, container))
        if liveness:
            tasks.append(self._watch_alive(liveness, container))
        await asyncio.gather(*tasks)

    async def _ask(self, probe: Mapping[str, Any], container: Container, kind: str) -> bool:
        assert self._pod.sandbox is not None
        wrong = await probes.ask(probe, container, self._pod.sandbox.ip, self.spec.get("ports"))
        if wrong:
            self._warn("Unhealthy", f"{kind} probe failed: {wrong}")
        return not wrong

    async def _passes_once(self, probe: Mapping[str, Any], container: Container) -> bool:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        for _ in range(probe["failureThreshold"]):
            if await self._ask(probe, container, "Startup"):
                return True
            await asyncio.sleep(probe["periodSeconds"])
        return False

    async def _watch_ready(self, probe: Mapping[str, Any], container: Container) -> None:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        good = bad = 0
        while True:
            passed = await self._ask(probe, container, "Readiness")
            good, bad = (good + 1, 0) if passed else (0, bad + 1)
            ready = self.record.ready
            if good >= probe["successThreshold"]:
                ready = True
            elif bad >= probe["failureThreshold"]:
                ready = False
            if ready != self.record.ready:
                self.record.ready = ready
                self._pod.report()
            await asyncio.sleep(probe["periodSeconds"])

    async def _watch_alive(self, probe: Mapping[str, Any], container: Container) -> None:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        bad = 0
        while bad < probe["failureThreshold"]:
            bad = 0 if await self._ask(probe, container, "Liveness") else bad + 1
            await asyncio.sleep(probe["periodSeconds"])
        await self._kill_unhealthy(container, "liveness")

    async def _kill_unhealthy(self, container: Container, kind: str) -> None:
        text = f"Container {self.record.name} failed {kind} probe, will be restarted"
        self._pod.node.recorder.normal(self._pod.pod, "Killing", text, self._field)
        await container.signal(signal.SIGTERM)
        ending = asyncio.ensure_future(container.wait())
        await asyncio.wait(
            {ending}, timeout=self._pod.pod["spec"].get("terminationGracePeriodSeconds", 30)
        )
        if not ending.done():
            await container.signal(signal.SIGKILL)
