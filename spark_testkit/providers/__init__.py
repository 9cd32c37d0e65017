"""How a planned service becomes a running one: as a process, or as a container."""

from __future__ import annotations

import hashlib
import os

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.providers.provider import Provider
from spark_testkit.settings import Settings
from spark_testkit.stack_folder import StackFolder

__all__ = ["PROVIDERS", "check_provider", "make_provider"]

PROVIDERS = ("process", "docker")


def check_provider(name: str) -> str:
    """``name``, if it is one of a provider.

    Raises:
        InvalidInput: it is not; lists those there are.
    """
    if name not in PROVIDERS:
        raise InvalidInput(
            f"unknown provider {name!r}", hint=f"providers are: {', '.join(PROVIDERS)}"
        )
    return name


def make_provider(name: str, folder: StackFolder, settings: Settings) -> Provider:
    """The provider of that name, for one stack.

    Raises:
        Missing: what it needs is not there, such as a Docker engine.
    """
    if name == "docker":
        from spark_testkit.providers.docker import DockerProvider

        # one engine may serve several state folders
        state = hashlib.sha256(os.fsencode(settings.state_dir)).hexdigest()[:8]
        return DockerProvider(f"spark-testkit-{state}-{folder.name}", settings)
    from spark_testkit.providers.process import ProcessProvider

    return ProcessProvider()
