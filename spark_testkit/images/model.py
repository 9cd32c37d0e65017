"""What an image is before it is built: data alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ImageSpec", "Part"]


@dataclass(frozen=True)
class Part:
    """Some files of a build's context.

    Attributes:
        target: the folder of the context they go to; empty for its root.
        source: which material they are of; see ``materials``.
        identity: differs where the files do. Known from locks, so that nothing large is read to
            learn that nothing changed.
    """

    target: str
    source: str
    identity: str


@dataclass(frozen=True)
class ImageSpec:
    """One image to build.

    Attributes:
        layer: its folder under ``images/``.
        repository: the name before the tag.
        version: the exact version of what it holds, the first half of its exact tag.
        moving_tag: the tag that always means the newest build.
        engine: the engine's version; None where an image belongs to no engine.
        parent: the exact reference of the image it stands on.
        parts: its context.
        build_args: the Dockerfile's arguments but for the base image.
        labels: labels beside those of the Dockerfile.
        ground: what the base image is made of; part of the first layer's identity.
    """

    layer: str
    repository: str
    version: str
    moving_tag: str
    engine: str | None
    parent: str
    parts: tuple[Part, ...]
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    ground: str = ""

    @property
    def digest(self) -> str:
        """Twelve hex digits that differ where anything that goes into the image does."""
        inputs = {
            "ground": self.ground,
            "parent": self.parent,
            "parts": sorted((part.target, part.source, part.identity) for part in self.parts),
            "build_args": dict(self.build_args),
            "labels": dict(self.labels),
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def exact(self) -> str:
        """The reference that means this very content for good."""
        return f"{self.repository}:{self.version}-{self.digest}"

    @property
    def moving(self) -> str:
        """The reference that means the newest build."""
        return f"{self.repository}:{self.moving_tag}"
