"""Jobs on one Docker engine: no Kubernetes, no executors, for one machine."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spark_platform.backends.backend import Capabilities
from spark_platform.backends.docker.container import (
    DIGEST,
    JOB,
    PROPERTIES,
    create_options,
    observation,
    properties,
)
from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound, Terminal, Transient
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import JobKind, JobSpec, Observation, RunState

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["DockerJobs"]

_FOLDER_PARENT, _FOLDER = "/opt/spark", "job"
_LOOKS_EVERY_S = 0.5
_STOPS_WITHIN_S = 20
_MADE_WITHIN_S = 30.0


class DockerJobs:
    """Jobs as containers. Implements ``Backend``.

    Args:
        name: the backend's.
        prefix: of the containers' names.
        network: that they join; empty for the engine's own.
    """

    def __init__(
        self, *, name: str = "docker", prefix: str = "spark-job-", network: str = ""
    ) -> None:
        self.name = name
        self._prefix, self._network = prefix, network
        self._daemon = Daemon()

    def capabilities(self) -> Capabilities:
        return Capabilities(
            frozenset(JobKind), executors=False, watches=False, remembers=False, secrets=False
        )

    def check(self) -> None:
        with _errors("asking the Docker engine"):
            self._daemon.client.ping()

    def submit(self, job: JobSpec) -> Observation:
        if job.secrets:
            raise InvalidInput(
                f"{self.name} has no secrets, and job {job.name} names some: "
                f"{', '.join(sorted(job.secrets))}",
                hint="run it where there are secrets, or put what it needs into its image",
            )
        options = create_options(job, prefix=self._prefix, network=self._network)
        text = properties(job)
        container = self._find(job.name) or self._create(job, options)
        if container.labels.get(DIGEST) != job.digest:
            raise Conflict(
                f"the name {job.name} is another job's on {self.name}",
                hint="a name is one job for ever: choose another",
            )
        container.reload()
        if container.status == "created" and not container.attrs["State"].get("Error"):
            # whoever made it may have died before this
            self._start(container, text)
        return self.observe(job.name)

    def observe(self, name: str) -> Observation:
        return observation(self._get(name).attrs)

    def list(self) -> list[Observation]:
        with _errors("listing jobs"):
            # what goes meanwhile is no error
            found = self._daemon.client.containers.list(
                all=True, filters={"label": JOB}, ignore_removed=True
            )
        return [observation(each.attrs) for each in found if each.name.startswith(self._prefix)]

    def watch(self, stop: threading.Event) -> Iterator[Observation]:
        known: dict[str, Observation] = {}
        while not stop.is_set():
            there = {each.name: each for each in self.list()}
            for name in known.keys() - there.keys():
                last = known.pop(name)
                yield last if last.state.ended else replace(last, state=RunState.CANCELLED)
            for name, each in there.items():
                if known.get(name) != each:
                    known[name] = each
                    yield each
            stop.wait(_LOOKS_EVERY_S)

    def cancel(self, name: str) -> None:
        container = self._get(name)
        if observation(container.attrs).state.ended:
            return
        with _errors(f"stopping job {name}"):
            container.stop(timeout=_STOPS_WITHIN_S)
        container = self._get(name)
        if observation(container.attrs).state is not RunState.SUCCEEDED:
            self._remove(container)

    def remove(self, name: str) -> None:
        container = self._find(name)
        if container is not None:
            self._remove(container)

    def logs(self, name: str, tail: int | None = None) -> str:
        container = self._get(name)
        with _errors(f"reading the log of job {name}"):
            printed: bytes = container.logs(tail="all" if tail is None else tail)
        return printed.decode("utf-8", "replace")

    def close(self) -> None:
        self._daemon.client.close()

    def _create(self, job: JobSpec, options: dict[str, Any]) -> Container:
        import docker

        if self._daemon.image(job.image) is None:
            raise InvalidInput(
                f"image {job.image}: the Docker engine has none of that name",
                hint="`spark-testkit images build` makes the engines'; `docker pull` gets others",
            )
        with _errors(f"making job {job.name}"):
            try:
                return self._daemon.client.containers.create(**options)
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise
        # somebody else was faster: the name is taken before the container can be found
        return poll(
            lambda: self._found(job.name),
            what=f"the container of job {job.name}",
            timeout_s=_MADE_WITHIN_S,
        )

    def _found(self, name: str) -> Container:
        container = self._find(name)
        if container is None:
            raise NotYet("it is not there")
        return container

    def _start(self, container: Container, text: str) -> None:
        import docker

        with _errors(f"starting {container.name}"):
            try:
                self._put(container, text)
                container.start()
            except docker.errors.APIError:
                container.reload()
                # somebody else was faster
                if container.status == "created":
                    raise

    def _put(self, container: Container, text: str) -> None:
        """Settings come in a file: a command line and a variable are shown to everybody."""
        packed, data = io.BytesIO(), text.encode()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            folder = tarfile.TarInfo(_FOLDER)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
            file = tarfile.TarInfo(f"{_FOLDER}/{PROPERTIES}")
            # for whichever user the image has
            file.size, file.mode = len(data), 0o644
            archive.addfile(file, io.BytesIO(data))
        container.put_archive(_FOLDER_PARENT, packed.getvalue())

    def _find(self, name: str) -> Container | None:
        import docker

        with _errors(f"looking for job {name}"):
            try:
                return self._daemon.client.containers.get(f"{self._prefix}{name}")
            except docker.errors.NotFound:
                return None

    def _get(self, name: str) -> Container:
        found = self._find(name)
        if found is None:
            raise NotFound(f"{self.name} knows no job {name}")
        return found

    def _remove(self, container: Container) -> None:
        import docker

        with _errors("removing a job"), contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True, v=True)


@contextlib.contextmanager
def _errors(doing: str) -> Iterator[None]:
    """The engine's errors as ours."""
    import docker
    import requests

    try:
        yield
    except requests.RequestException as error:
        raise Transient(f"{doing}: the Docker engine does not answer: {error}") from error
    except docker.errors.APIError as error:
        kind = Transient if error.is_server_error() else Terminal
        raise kind(f"{doing}: {error.explanation or error}") from error
