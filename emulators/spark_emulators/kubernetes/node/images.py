"""Images for pods that are processes: a name stands for some folders and a way to start.

A process has this machine's own files under it (copy-on-write), so an image is what has to be
there besides: folders laid at their places, and the entrypoint and environment of the real image.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Image", "ImageCatalog"]

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """What a container starts from.

    Attributes:
        names: patterns of references that mean it, with ``*``; a registry before the name and a
            missing tag do not matter.
        entrypoint, command: as in the image.
        environment: as in the image.
        working_dir: as in the image.
        folders: path in the container → folder or file on this machine.
    """

    names: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    folders: Mapping[str, Path] = field(default_factory=dict)

    def means(self, reference: str) -> bool:
        """Whether a pod's ``image`` is this one."""
        name = reference.partition("@")[0]
        if ":" not in name.rpartition("/")[2]:
            name += ":latest"
        parts = name.split("/")
        endings = ["/".join(parts[start:]) for start in range(len(parts))]
        return any(fnmatch.fnmatchcase(end, pattern) for end in endings for pattern in self.names)


MACHINE = Image(
    names=("busybox:*", "debian:*", "alpine:*", "ubuntu:*", "bash:*"),
    command=("sh",),
)
"""This machine's own programs, under the names of images that bring little more than a shell."""


class ImageCatalog:
    """The images that a node has.

    Args:
        images: those besides ``MACHINE``; the first that fits wins.
    """

    def __init__(self, images: Sequence[Image] = ()) -> None:
        self._images = (*images, MACHINE)

    @classmethod
    def read(cls, file: Path) -> ImageCatalog:
        """The catalog in a JSON file: a list of objects with ``Image``'s fields.

        Raises:
            InvalidInput: the file has another shape.
        """
        try:
            listed = json.loads(file.read_text("utf-8"))
            if not isinstance(listed, list):
                raise TypeError("it holds no list")
            return cls([_image(each) for each in listed])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput(f"{file} is no list of images: {error}") from error

    def find(self, reference: str) -> Image | None:
        """The image that a reference means."""
        return next((each for each in self._images if each.means(reference)), None)

    def names(self) -> list[str]:
        """The patterns there are, for those who asked for something else."""
        return [name for each in self._images for name in each.names]


def _image(value: Mapping[str, Any]) -> Image:
    folders = {place: Path(path) for place, path in value.get("folders", {}).items()}
    return Image(
        names=tuple(value["names"]),
        entrypoint=tuple(value.get("entrypoint", ())),
        command=tuple(value.get("command", ())),
        environment={"PATH": _DEFAULT_PATH, **value.get("environment", {})},
        working_dir=value.get("working_dir", "/"),
        folders=folders,
    )
