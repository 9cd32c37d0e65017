"""What our containers add to testcontainers': readiness by an answer, helpful errors, a reaper."""

from __future__ import annotations

import atexit
import contextlib
import functools
import threading
import uuid
from collections.abc import Iterator
from typing import Any, TypeVar

import docker.errors
from docker.utils import parse_bytes
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget
from typing_extensions import Self

from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.docker.reaper import LABEL, Reaper
from spark_platform.kernel.errors import Conflict, InvalidInput, Missing, Terminal, TimedOut
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.limits import check_memory
from spark_testkit.service import Readiness

__all__ = ["ServiceContainer", "owner_of_this_process", "require_started"]

_STARTS_WITHIN_S = 120
_POLL_S = 0.1
_LOG_LINES = 20
_RYUK = threading.Lock()


C = TypeVar("C", bound="ServiceContainer")


class _Answers(WaitStrategy):
    """Waits until the container's readiness has an answer; a container that ended ends the wait."""

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        assert isinstance(container, ServiceContainer)
        container._after_start()

        def check() -> None:
            container.reload()
            if container.status not in ("created", "running"):
                raise Terminal(f"{container.image} ended while it started{container.last_words()}")
            with contextlib.suppress(TimeoutError):
                # testcontainers' word for one that ended between the question above and this
                container.readiness().check()
                return
            raise NotYet("it is not running")

        poll(
            check,
            what=f"{container.image} to answer",
            timeout_s=self._startup_timeout,
            interval_s=self._poll_interval,
        )


class ServiceContainer(DockerContainer):
    """A container that is ready when its service answers in its own protocol.

    It ends with its ``with`` block or ``stop()``, and with this process, however that ends.

    Args:
        image: what it is made of.
        kwargs: what ``DockerContainer`` and ``docker run`` take.

    Raises:
        Missing: no Docker engine answers, or it is too old.
    """

    def __init__(self, image: str, **kwargs: Any) -> None:
        with Daemon():
            pass  # says what is wrong, where something is
        strategy = _Answers().with_poll_interval(_POLL_S).with_startup_timeout(_STARTS_WITHIN_S)
        super().__init__(image, _wait_strategy=strategy, **kwargs)

    def _after_start(self) -> None:
        """What can be told a service only when its addresses are known."""

    def readiness(self) -> Readiness:
        """How to know that it works."""
        raise NotImplementedError

    def with_startup_timeout(self, seconds: int) -> Self:
        """Wait longer, or shorter, than two minutes for the first answer."""
        assert self._wait_strategy is not None
        self._wait_strategy.with_startup_timeout(seconds)
        return self

    def start(self) -> Self:
        """Start it, and wait for its first answer.

        Raises:
            Missing: there is no such image.
            Conflict: its name is in use.
            InvalidInput: its memory is less than its JVM's heap.
            Terminal, TimedOut: it ended, or did not answer; carries its last log lines.
        """
        self._kwargs["labels"] = {**self._kwargs.get("labels", {}), LABEL: owner_of_this_process()}
        _have_image(self.image)
        try:
            with _starting(self.image), _without_an_absent_ryuk(self):
                super().start()
        except BaseException as error:
            if isinstance(error, TimedOut):
                error.message += self.last_words()
            self.stop()
            raise
        return self

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        """Remove it; harmless where that has been done."""
        try:
            with contextlib.suppress(docker.errors.NotFound):
                super().stop(force, delete_volume)
        finally:
            self._container = None

    def last_words(self) -> str:
        """What it printed last, and whether it was out of memory; for an error's message."""
        container = self.get_wrapped_container()
        with contextlib.suppress(docker.errors.APIError):
            container.reload()
            killed = container.attrs["State"]["OOMKilled"]
            lines = container.logs(tail=_LOG_LINES).decode(errors="replace").rstrip()
            return (" (out of memory)" if killed else "") + f"\n--- last log lines ---\n{lines}"
        return ""

    def address_for_containers(self) -> str:
        """Its IP address on its Docker network."""
        return self.get_docker_client().bridge_ip(self.get_container_id())

    def is_started(self) -> bool:
        """Whether ``start()`` has made its container."""
        return self._container is not None

    def _check_memory(self, heap_mib: int) -> None:
        limit = self._kwargs.get("mem_limit")
        if limit is not None:
            check_memory(
                f"mem_limit={limit!r}",
                parse_bytes(limit) // 1024**2,
                heap_mib,
                hint="raise mem_limit, or lower with_driver_memory",
            )


def require_started(container: C) -> C:
    """``container``, if it is started.

    Raises:
        InvalidInput: it is not, so nobody knows where it will be.
    """
    if not container.is_started():
        raise InvalidInput(
            f"the container of {container.image} is not started",
            hint="start it first, or make it the outer of two `with` blocks",
        )
    return container


@contextlib.contextmanager
def _starting(image: str) -> Iterator[None]:
    with docker_errors(f"starting a container of {image}"):
        try:
            yield
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            said = str(error.explanation or error)
            raise Conflict(said, hint="take another name, or remove that container") from None


def _have_image(image: str) -> None:
    with Daemon() as daemon:
        if daemon.image(image) is None and not daemon.pull(image):
            raise Missing(
                f"there is no image {image}, neither here nor to be pulled",
                hint="make it: `spark-testkit images build`",
            )


@contextlib.contextmanager
def _without_an_absent_ryuk(container: DockerContainer) -> Iterator[None]:
    """Testcontainers' reaper where its image is here; ours does the same work everywhere."""
    try:
        container.get_docker_client().client.images.get(testcontainers_config.ryuk_image)
    except docker.errors.ImageNotFound:
        # a setting of the whole process, for the time of one start
        with _RYUK:
            disabled = testcontainers_config.ryuk_disabled
            testcontainers_config.ryuk_disabled = True
            try:
                yield
            finally:
                testcontainers_config.ryuk_disabled = disabled
    else:
        yield


@functools.lru_cache(maxsize=1)
def owner_of_this_process() -> str:
    """The label of this process's containers; its reaper runs from now on."""
    owner = f"testcontainers-{uuid.uuid4().hex[:12]}"
    atexit.register(Reaper.start(owner).finish)
    return owner
