"""Which image an engine's version means when a job is submitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spark_platform.kernel.errors import InvalidInput
from spark_platform.runner.records import ImageRef

__all__ = ["EngineImage", "ImageCatalogue", "docker_digest"]


@dataclass(frozen=True)
class EngineImage:
    """An engine's image.

    Attributes:
        tag: the moving tag.
        spark_version: of the Spark inside: ``4.1.4``.
        digest: what the tag means, where a release says so; empty to have it asked.
    """

    tag: str
    spark_version: str
    digest: str = ""


class ImageCatalogue:
    """The engines that jobs may name.

    Args:
        engines: by version: ``4.1``.
        digest_of: what a tag means now; an empty text where that cannot be told.
    """

    def __init__(
        self, engines: Mapping[str, EngineImage], digest_of: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._engines, self._digest_of = dict(engines), digest_of

    def resolve(self, version: str) -> ImageRef:
        """The image of an engine, now.

        Raises:
            InvalidInput: no such engine.
        """
        found = self._engines.get(version)
        if found is None:
            raise InvalidInput(
                f"engine {version!r} is not known", hint=f"allowed: {', '.join(self._engines)}"
            )
        return ImageRef(found.tag, found.digest or self._digest_of(found.tag), found.spark_version)


def docker_digest(tag: str) -> str:
    """The id of an image of the Docker engine here; empty where there is no engine or image."""
    from spark_platform.kernel.docker.daemon import Daemon
    from spark_platform.kernel.errors import PlatformError

    try:
        with Daemon() as daemon:
            found = daemon.image(tag)
    except PlatformError:
        return ""
    return str(found["Id"]) if found else ""
