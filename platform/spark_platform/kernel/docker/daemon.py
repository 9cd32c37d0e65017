"""The Docker engine, as the rest of the toolkit sees it: its client, and its errors as ours.

The only module that imports the Docker SDK. Builds use the engine's classic builder, which every
engine offers through its API; BuildKit would need a client that the SDK is not.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from spark_platform.kernel.errors import Missing, PlatformError, Terminal, TimedOut

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["Daemon", "build_failure", "docker_errors", "read_build"]

# 20.10, of 2020: what Debian 12 has
_OLDEST_API = (1, 41)
_TIMEOUT_S = 120
# a step that is silent longer hangs; the longest is the training of an archive
_BUILD_TIMEOUT_S = 900
_NO_ENGINE = (
    "start Docker (Debian and Ubuntu: apt-get install docker.io, then dockerd), or let "
    "DOCKER_HOST name an engine that runs"
)
_FULL = "no space left on device"
_FULL_HINT = "free some: `docker system df` shows what Docker holds, `docker image prune` drops old"
_TAIL_LINES = 20
# the classic builder paints what steps write to stderr
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Daemon:
    """A Docker engine that answers and is new enough. A context manager.

    Raises:
        Missing: no engine answers, or it is too old.
    """

    def __init__(self) -> None:
        import docker

        with docker_errors("connecting to Docker"):
            try:
                self.client = _client()
                version = self.client.version()
            except (OSError, docker.errors.DockerException) as error:
                where = os.environ.get("DOCKER_HOST") or "its usual socket"
                raise Missing(
                    f"no Docker engine answers at {where}: {_root(error)}", hint=_NO_ENGINE
                ) from error
        self.version: str = version["Version"]
        api = tuple(int(part) for part in version["ApiVersion"].split("."))
        if api < _OLDEST_API:
            self.client.close()
            raise Missing(
                f"Docker {self.version} (API {version['ApiVersion']}) is too old",
                hint="Docker 20.10 (API 1.41) or newer is needed",
            )
        self.machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(version["Arch"], version["Arch"])

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.client.close()

    def image(self, reference: str) -> Mapping[str, Any] | None:
        """What the engine knows of a local image; None where it has none."""
        import docker

        with docker_errors(f"looking for the image {reference}"):
            try:
                found: Mapping[str, Any] = self.client.api.inspect_image(reference)
            except docker.errors.ImageNotFound:
                return None
        return found

    def images(self) -> frozenset[str]:
        """The names of the local images."""
        with docker_errors("listing images"):
            found = self.client.api.images()
        return frozenset(name for each in found for name in each["RepoTags"] or ())

    def tag(self, reference: str, name: str) -> None:
        """Give a local image another name."""
        repository, _, tag = name.rpartition(":")
        with docker_errors(f"tagging {reference} as {name}"):
            self.client.api.tag(reference, repository, tag, force=True)

    def untag(self, reference: str) -> bool:
        """Take a name from a local image, and the image away with its last name.

        Returns:
            False where a container stands on it, which therefore keeps it.
        """
        import docker

        with docker_errors(f"removing the image {reference}"):
            try:
                self.client.api.remove_image(reference)
            except docker.errors.ImageNotFound:
                return True
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise
                return False
        return True

    def pull(self, reference: str) -> bool:
        """Whether a registry gave the image."""
        import docker
        import requests
        from docker.utils import parse_repository_tag

        repository, tag = parse_repository_tag(reference)
        try:
            self.client.api.pull(repository, tag or "latest")
        except (docker.errors.APIError, requests.exceptions.RequestException):
            return False
        return self.image(reference) is not None

    def build(
        self,
        context: IO[bytes],
        *,
        tag: str,
        build_args: Mapping[str, str],
        labels: Mapping[str, str],
        fresh: bool,
        on_line: Callable[[str], None],
    ) -> None:
        """Build an image from a context's tar.

        Raises:
            Terminal: a step failed; carries what it printed last.
        """
        api = self.client.api
        with docker_errors(f"building {tag}"), _patience(api):
            stream = api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs=dict(build_args),
                labels=dict(labels),
                nocache=fresh,
                rm=True,
                forcerm=True,
                decode=True,
            )
            read_build(stream, tag, on_line)


def _client() -> DockerClient:
    """A client of the engine that ``docker`` on the command line speaks to."""
    import docker
    from docker.context import ContextAPI

    context = None if "DOCKER_HOST" in os.environ else ContextAPI.get_current_context()
    if context is None or context.Name == "default":
        _knock(os.environ.get("DOCKER_HOST") or docker.constants.DEFAULT_UNIX_SOCKET)
        return docker.from_env(timeout=_TIMEOUT_S)
    _knock(context.Host)
    return docker.DockerClient(
        base_url=context.Host, tls=context.TLSConfig or False, timeout=_TIMEOUT_S
    )


def _knock(address: str) -> None:
    """Fail where nobody listens at a Unix socket; the SDK would leave one of its own open."""
    scheme, _, path = address.partition("unix://")
    if path and scheme in ("", "http+"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(_TIMEOUT_S)
            # as the SDK has it, also without the first slash
            knocking.connect(f"/{path.lstrip('/')}")


def read_build(
    stream: Iterable[Mapping[str, Any]], tag: str, on_line: Callable[[str], None]
) -> None:
    """Follow a build's messages to their end.

    Raises:
        Terminal: the build failed.
    """
    tail: list[str] = []
    for message in stream:
        if "error" in message:
            raise build_failure(tag, str(message["error"]), tail)
        for line in str(message.get("stream", "")).splitlines():
            if text := _COLOUR.sub("", line).strip():
                tail = [*tail[1 - _TAIL_LINES :], text]
                on_line(text)


def build_failure(tag: str, error: str, tail: Iterable[str]) -> PlatformError:
    """What to say of a build that failed."""
    if _FULL in error or any(_FULL in line for line in tail):
        return Terminal(f"no space left for {tag} on the Docker engine's disk", hint=_FULL_HINT)
    printed = "\n".join(tail)
    return Terminal(f"building {tag} failed: {error}\n{printed}".rstrip())


@contextlib.contextmanager
def _patience(api: Any) -> Iterator[None]:
    usual, api.timeout = api.timeout, _BUILD_TIMEOUT_S
    try:
        yield
    finally:
        api.timeout = usual


@contextlib.contextmanager
def docker_errors(doing: str) -> Iterator[None]:
    """Translate the SDK's errors, and those of what it stands on, into ours.

    Raises:
        Missing: the engine went away.
        TimedOut: it did not answer in time.
        Terminal: it refused.
    """
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        said = str(error.explanation or error)
        if _FULL in said:
            raise Terminal(
                f"no space left on the Docker engine's disk, {doing}", hint=_FULL_HINT
            ) from error
        raise Terminal(f"{doing} failed: {said}") from error
    except requests.exceptions.Timeout as error:
        raise TimedOut(f"the Docker engine did not answer in time, {doing}") from error
    except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
        raise Missing(
            f"the Docker engine does not answer, {doing}: {_root(error)}", hint=_NO_ENGINE
        ) from error


def _root(error: BaseException) -> str:
    """The innermost reason, without the layers that wrapped it."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return getattr(error, "strerror", None) or str(error)
