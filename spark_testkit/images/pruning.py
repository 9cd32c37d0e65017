"""Builds that newer ones have taken the place of: their exact tags would stay for good."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spark_platform.kernel.docker.daemon import Daemon
from spark_testkit.engine.catalogue import engine_specs, image_ground
from spark_testkit.images.base import base_identity
from spark_testkit.images.builder import planned
from spark_testkit.images.model import ImageSpec
from spark_testkit.settings import Settings

__all__ = ["outdated", "prune"]

_EXACT = re.compile(r"(?P<repository>[^:]+):.+-[0-9a-f]{12}")


def outdated(references: Iterable[str], current: Iterable[ImageSpec]) -> list[str]:
    """The exact references, of repositories that the current images are in, of none of them."""
    images = list(current)
    repositories, kept = {each.repository for each in images}, {each.exact for each in images}
    found = ((each, _EXACT.fullmatch(each)) for each in references)
    return sorted(
        reference
        for reference, exact in found
        if exact and exact["repository"] in repositories and reference not in kept
    )


def prune(daemon: Daemon, settings: Settings) -> list[str]:
    """Take the outdated tags away; what a container or another image stands on stays.

    Returns:
        The references that are gone. None where nobody can tell which images are current, since the
        base image is not there.

    Raises:
        Transient: the engine does not answer.
    """
    ground = base_identity(daemon, image_ground())
    if not ground:
        return []
    current = (
        image for spec in engine_specs().values() for image in planned(spec, settings, ground)
    )
    return [each for each in outdated(daemon.images(), current) if daemon.untag(each)]
