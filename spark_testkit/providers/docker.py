"""The docker provider: a service is a container on the stack's own network and volume.

Nothing is mounted from this machine: files are copied into containers before they start, so the
engine may be another user's (rootless) or inside a virtual machine.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import io
import tarfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.docker.reaper import LABEL, Reaper, sweep
from spark_platform.kernel.errors import Conflict, Missing, PlatformError
from spark_platform.kernel.files import private_folder
from spark_platform.kernel.process import ProcessId
from spark_testkit.limits import check_memory
from spark_testkit.providers.provider import LOG_NAME, Location
from spark_testkit.service import TEMPORARY, Place, Service, ServiceRequest, ServiceSpec
from spark_testkit.settings import Settings

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["DockerInstance", "DockerProvider", "archive"]

# where a container sees its own volume, and that of its stack
_OWN = PurePosixPath("/service")
_SHARED = PurePosixPath("/stack")
# the user of all our images
_UID = 185
# ports of a service that clients never see
_FIRST_INNER_PORT = 20000
_KILLED = -9
_LOG_ENDS_WITHIN_S = 5
_MEMORY_HINT = "raise SPARK_TESTKIT_CONTAINER_MEMORY_MIB, or ask for a smaller heap"


class DockerInstance:
    """A service that is a container; see ``Instance``."""

    identity: ProcessId | None = None

    def __init__(self, container: Container, log: Path) -> None:
        self._container = container
        self.returncode: int | None = None
        self._end: concurrent.futures.Future[int] = concurrent.futures.Future()
        # threads of its own: they last as long as the service, and an executor has few
        self._copying = threading.Thread(target=self._copy_log, args=(log,), daemon=True)
        self._copying.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _copy_log(self, log: Path) -> None:
        # whatever ends the stream, the service goes on
        with contextlib.suppress(Exception), open(log, "ab", buffering=0) as file:
            for chunk in self._container.logs(stream=True, follow=True):
                file.write(chunk)

    def _watch(self) -> None:
        try:
            code = int(self._container.wait(timeout=None)["StatusCode"])
        except Exception:  # removed behind our back, or the engine itself has ended
            code = _KILLED
        self._copying.join(_LOG_ENDS_WITHIN_S)
        # where a signal ended it a container says 128 + n, and a process's parent is told -n
        self.returncode = 128 - code if 128 < code < 128 + 65 else code
        self._end.set_result(self.returncode)

    def alive(self) -> bool:
        import docker

        try:
            self._container.reload()
        except (docker.errors.DockerException, OSError):
            return False
        return str(self._container.status) == "running"

    async def exited(self) -> int:
        return await asyncio.shield(asyncio.wrap_future(self._end))

    async def stop(self) -> None:
        await asyncio.to_thread(_remove, self._container)


def _remove(container: Container) -> None:
    import docker

    # with an engine that has gone, its containers have
    with contextlib.suppress(Missing), docker_errors("removing a container"):
        try:
            container.remove(force=True, v=True)
        except docker.errors.NotFound:
            pass
        except docker.errors.APIError as error:
            if error.status_code != 409:  # somebody removes it already
                raise


class DockerProvider:
    """Runs services as containers; see ``Provider``.

    Args:
        stack: identity of the stack on this engine; the names of its containers begin with it.
        settings: limits of its containers.

    Raises:
        Missing: no engine answers, or it is too old.
    """

    name = "docker"

    def __init__(self, stack: str, settings: Settings) -> None:
        self._stack = stack
        self._settings = settings
        self._labels = {LABEL: stack}
        self._daemon = Daemon()
        # what an earlier stack of this name left when machine and all went down
        sweep(self._daemon.client, stack)
        self._reaper = Reaper.start(stack)
        try:
            with docker_errors("making the stack's network and volume"):
                self._daemon.client.networks.create(stack, driver="bridge", labels=self._labels)
                self._daemon.client.volumes.create(stack, labels=self._labels)
        except BaseException:
            self._finish()
            raise

    def locate(self, request: ServiceRequest, kind: Service, stack: Path) -> Location:  # noqa: ARG002
        inner = {
            purpose: port or _FIRST_INNER_PORT + number
            for number, (purpose, port) in enumerate(kind.ports.items())
        }
        place = Place(
            listen="0.0.0.0",  # noqa: S104 - inside a network of the stack's own
            host=request.name,
            container=True,
            images=self._daemon.images(),
        )
        return Location(place, Path(_OWN), Path(_SHARED), inner)

    async def start(self, spec: ServiceSpec, folder: Path) -> DockerInstance:
        private_folder(folder)
        making = asyncio.ensure_future(asyncio.to_thread(self._start, spec))
        try:
            container = await asyncio.shield(making)
        except asyncio.CancelledError:
            # a thread cannot be stopped; what it makes can be taken away
            with contextlib.suppress(PlatformError):
                await asyncio.to_thread(_remove, await making)
            raise
        return DockerInstance(container, folder / LOG_NAME)

    def _start(self, spec: ServiceSpec) -> Container:
        container = self._create(spec)
        try:
            with docker_errors(f"starting the container of {spec.name}"):
                container.put_archive("/", archive(spec.files, [_OWN / TEMPORARY, _SHARED]))
                container.start()
        except BaseException:
            _remove(container)
            raise
        return container

    def _create(self, spec: ServiceSpec) -> Container:
        import docker

        name = f"{self._stack}-{spec.name}"
        with docker_errors(f"creating the container of {spec.name}"):
            self._daemon.client.volumes.create(name, labels=self._labels)
            try:
                container: Container = self._daemon.client.containers.create(
                    spec.image,
                    list(spec.argv),
                    name=name,
                    hostname=spec.name,
                    environment={**spec.environment, "TMPDIR": str(_OWN / TEMPORARY)},
                    labels=self._labels,
                    network=self._stack,
                    networking_config={
                        self._stack: self._daemon.client.api.create_endpoint_config(
                            aliases=[spec.name]
                        )
                    },
                    ports={
                        f"{spec.listens[purpose]}/tcp": ("127.0.0.1", port)
                        for purpose, port in spec.ports.items()
                    },
                    volumes={
                        name: {"bind": str(_OWN), "mode": "rw"},
                        self._stack: {"bind": str(_SHARED), "mode": "rw"},
                    },
                    **self._limits(spec),
                )
            except docker.errors.ImageNotFound:
                raise Missing(
                    f"{spec.name}: there is no image {spec.image}",
                    hint="make it: `spark-testkit images build`",
                ) from None
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise
                raise Conflict(
                    f"the container name {name} is taken",
                    hint=f"remove that container: `docker rm -f {name}`",
                ) from None
        return container

    def _limits(self, spec: ServiceSpec) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        memory_mib = self._settings.container_memory_mib
        if memory_mib is not None:
            check_memory(spec.name, memory_mib, spec.heap_mib, hint=_MEMORY_HINT)
            limits["mem_limit"] = limits["memswap_limit"] = f"{memory_mib}m"
        if self._settings.container_cpus is not None:
            limits["nano_cpus"] = int(self._settings.container_cpus * 1e9)
        return limits

    async def forget(self, name: str) -> None:
        await asyncio.to_thread(self._remove_volume, name)

    def _remove_volume(self, name: str) -> None:
        import docker

        with (
            contextlib.suppress(Missing),
            docker_errors(f"removing the data of {name}"),
            contextlib.suppress(docker.errors.NotFound),
        ):
            self._daemon.client.volumes.get(f"{self._stack}-{name}").remove(force=True)

    async def close(self) -> None:
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        try:
            self._reaper.finish()
        finally:
            self._daemon.client.close()


def archive(files: Mapping[Path, str], folders: Iterable[PurePosixPath]) -> bytes:
    """A tar of files for the images' user alone, with the folders that hold them."""
    buffer = io.BytesIO()
    made: set[PurePosixPath] = set()
    with tarfile.open(fileobj=buffer, mode="w") as tar:

        def add(path: PurePosixPath, kind: bytes, mode: int, content: bytes = b"") -> None:
            entry = tarfile.TarInfo(str(path).lstrip("/"))
            entry.type, entry.mode, entry.size = kind, mode, len(content)
            entry.uid, entry.gid = _UID, 0
            tar.addfile(entry, io.BytesIO(content))

        def add_folder(path: PurePosixPath) -> None:
            for each in (*reversed(path.parents), path):
                if each != PurePosixPath("/") and each not in made:
                    made.add(each)
                    add(each, tarfile.DIRTYPE, 0o700)

        for folder in folders:
            add_folder(folder)
        for path, content in files.items():
            add_folder(PurePosixPath(path).parent)
            add(PurePosixPath(path), tarfile.REGTYPE, 0o600, content.encode())
    return buffer.getvalue()
