"""The mock Unity Catalog in a container."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from spark_platform.kernel.database import sqlite_url
from spark_testkit.containers.base import ServiceContainer, require_started
from spark_testkit.containers.minio import MinioContainer
from spark_testkit.service import Readiness
from spark_testkit.services import unity_catalog

__all__ = ["UnityCatalogContainer"]

_PORT = 8080
_CONFIG = "/data/config.json"


class UnityCatalogContainer(ServiceContainer):
    """A Unity Catalog whose catalog ``unity`` stores its tables in a MinIO container.

    Args:
        minio: a started container; the catalog's files are in its bucket ``unity``.
        image: ``spark-testkit images build --layer testkit`` makes the default one.
        kwargs: see ``ServiceContainer``.
    """

    def __init__(
        self, minio: MinioContainer, image: str = unity_catalog.IMAGE, **kwargs: Any
    ) -> None:
        super().__init__(image, **kwargs)
        self.minio = require_started(minio)
        self.with_exposed_ports(_PORT)
        self.with_command(["-m", "spark_emulators.unity_catalog", "--config", _CONFIG])

    def _configure(self) -> None:
        config = unity_catalog.configuration(
            listen="0.0.0.0",  # noqa: S104 - its own interface
            port=_PORT,
            database=sqlite_url(PurePosixPath("/data/catalog.sqlite")),
            store=self.minio.exports(for_containers=True),
            seen_by_clients=self.minio.get_s3_url(),
        )
        self.with_copy_into_container(json.dumps(config).encode(), _CONFIG)

    def readiness(self) -> Readiness:
        return unity_catalog.readiness(self.get_unity_catalog_url())

    def get_unity_catalog_url(self) -> str:
        """Its root, for clients on this machine."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(_PORT)}"

    def exports(self, *, for_containers: bool = False) -> dict[str, str]:
        """The environment variables that point clients at it.

        Args:
            for_containers: on its Docker network instead of this machine.
        """
        inside = f"http://{self.address_for_containers()}:{_PORT}" if for_containers else ""
        return unity_catalog.exports(inside or self.get_unity_catalog_url())
