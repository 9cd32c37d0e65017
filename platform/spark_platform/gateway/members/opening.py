"""Backends as the settings say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_platform.gateway.settings import BackendSettings, DockerSettings, EmrSettings
from spark_platform.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from spark_platform.backends.backend import Backend

__all__ = ["open_backend"]


def open_backend(name: str, settings: BackendSettings) -> Backend:
    """A backend, which nobody has asked anything yet.

    Args:
        name: the backend's.

    Raises:
        InvalidInput: settings of no kind that is known.
    """
    if isinstance(settings, EmrSettings):
        return _emr(name, settings)
    if isinstance(settings, DockerSettings):
        from spark_platform.backends.docker.backend import DockerJobs

        return DockerJobs(name=name, prefix=settings.prefix, network=settings.network)
    raise InvalidInput(f"{name} is no kind of backend that is known")


def _emr(name: str, settings: EmrSettings) -> Backend:
    import boto3

    from spark_platform.backends.emr.backend import Emr

    session = boto3.session.Session(region_name=settings.aws_region or None)
    return Emr(
        session.client("emr-serverless"),
        settings.application,
        settings.role,
        log_uri=settings.log_uri,
        s3=session.client("s3") if settings.log_uri else None,
        name=name,
    )
