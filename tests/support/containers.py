"""Containers for tests: started through the engine, found again by a label, always removed."""

from __future__ import annotations

import contextlib
import io
import tarfile
import uuid
from collections.abc import Iterator, Mapping, Sequence

import pytest

from requirements import need
from spark_platform.kernel import wait
from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import Missing

LABEL = "spark-testkit.tests"
TOKEN = "the-token-of-this-test"


def engine_or_skip() -> Daemon:
    """The Docker engine; skips the test without one."""
    try:
        return Daemon()
    except Missing as error:
        need("docker", False, str(error))
        raise


class Containers:
    """The containers of one test run."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.client = daemon.client
        self.label = f"{LABEL}={uuid.uuid4().hex}"

    @contextlib.contextmanager
    def made(
        self,
        image: str,
        *command: str,
        files: Mapping[str, bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        **options,
    ) -> Iterator:
        """A started container with files of the test's own in it."""
        name, _, value = self.label.partition("=")
        container = self.client.containers.create(
            image,
            list(command),
            environment=dict(environment or {}),
            labels={name: value},
            **options,
        )
        try:
            if files:
                container.put_archive("/", tar_of(files))
            container.start()
            yield container
        finally:
            container.remove(force=True, v=True)

    def run(self, image: str, *command: str, **options) -> tuple[int, str]:
        """Run a container to its end; its exit code and what it printed."""
        with self.made(image, *command, **options) as container:
            code = container.wait(timeout=180)["StatusCode"]
            return code, container.logs().decode()

    def left(self) -> Sequence[str]:
        """Containers of this run that are still there."""
        return [
            each.name
            for each in self.client.containers.list(all=True, filters={"label": self.label})
        ]


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar of files that anyone may read and run."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.lstrip("/"))
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def published(container, port: int) -> int:
    """The port of this machine behind which a container's is."""
    container.reload()
    return int(container.ports[f"{port}/tcp"][0]["HostPort"])


def await_log(container, text: str, timeout_s: float = 120) -> None:
    """Wait until a container has printed something; fail at once if it ends before."""

    def check() -> None:
        printed = container.logs().decode()
        if text in printed:
            return
        container.reload()
        if container.status == "exited":
            pytest.fail(f"the container ended without {text!r}:\n{printed[-3000:]}")
        raise wait.NotYet(printed[-500:])

    wait.poll(check, what=f"{text!r} in a container's log", timeout_s=timeout_s, interval_s=0.1)
