"""Spark Connect in a container, with a Unity Catalog and an S3 of its own or somebody else's."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from testcontainers.core.config import testcontainers_config
from typing_extensions import Self

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.containers.base import ServiceContainer, require_started
from spark_testkit.containers.minio import MinioContainer
from spark_testkit.containers.unity_catalog import UnityCatalogContainer
from spark_testkit.engine import TOKEN_VARIABLE, connect_url, engine_spec
from spark_testkit.engine.launcher import check_conf_key
from spark_testkit.service import Readiness
from spark_testkit.services import s3, unity_catalog
from spark_testkit.services.spark_connect import ConnectReadiness
from spark_testkit.services.spark_jvm import properties_file

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["SparkContainer"]

_CONNECT, _CATALOG, _S3 = 15002, 8080, 9000
_PROPERTIES = "/opt/spark/work-dir/spark.properties"
_DRIVER_MEMORY_MIB = 1024


class SparkContainer(ServiceContainer):
    """One container with Spark Connect, a mock Unity Catalog (catalog ``unity``) and a local S3.

    Example::

        with SparkContainer("4.1").with_driver_memory(2048) as spark:
            session = SparkSession.builder.remote(spark.get_spark_connect_url()).create()

    Args:
        engine: Spark version, see ``spark-testkit engines list``; the default engine when None.
        image: in place of the engine's own; must be made on it.
        kwargs: see ``ServiceContainer``; ``mem_limit="4g"`` limits its memory.

    Raises:
        InvalidInput: an unknown engine.
        Missing: no Docker engine answers, or it is too old.
    """

    def __init__(
        self, engine: str | None = None, *, image: str | None = None, **kwargs: Any
    ) -> None:
        self._spec = engine_spec(engine)
        self._own_image = image is None
        super().__init__(image or self._spec.dev_image, **kwargs)
        self._token = secrets.token_urlsafe(24)
        self._driver_memory_mib = _DRIVER_MEMORY_MIB
        self._conf: dict[str, str] = {}
        self._minio: MinioContainer | None = None
        self._catalog: UnityCatalogContainer | None = None
        self._keys = (secrets.token_hex(10), secrets.token_urlsafe(24))
        self._sessions: list[SparkSession] = []
        self.with_exposed_ports(_CONNECT, _CATALOG, _S3)

    def with_engine(self, version: str) -> Self:
        """Run another Spark version.

        Raises:
            InvalidInput: an unknown engine.
        """
        self._spec = engine_spec(version)
        if self._own_image:
            self.image = testcontainers_config.hub_image_name_prefix + self._spec.dev_image
        return self

    def with_driver_memory(self, mib: int) -> Self:
        """Give the driver a heap of ``mib`` MiB.

        Raises:
            InvalidInput: it is not a positive number.
        """
        if mib < 1:
            raise InvalidInput(f"driver memory is a number of MiB, not {mib!r}")
        self._driver_memory_mib = mib
        return self

    def with_spark_config(self, key: str, value: object) -> Self:
        """Set one key of Spark's configuration; wins over the container's own.

        Raises:
            InvalidInput: the key is not Spark's.
        """
        check_conf_key(key)
        self._conf[key] = str(value)
        return self

    def with_s3(self, minio: MinioContainer) -> Self:
        """Use a started MinIO container in place of the S3 inside.

        Raises:
            InvalidInput: it is not started.
        """
        self._minio = require_started(minio)
        return self

    def with_unity_catalog(self, catalog: UnityCatalogContainer) -> Self:
        """Use a started catalog container, and the S3 it stores in, in place of those inside.

        Raises:
            InvalidInput: it is not started.
        """
        self._catalog = require_started(catalog)
        return self.with_s3(catalog.minio)

    def with_packages(self, *purposes: str) -> Self:
        """Make sure that the engine has connectors of these kinds (``iceberg``, ``s3`` …).

        They are in the image: only what the lock holds can be had, and nothing is fetched.

        Raises:
            InvalidInput: the engine has none of that kind; lists those it has.
        """
        for purpose in purposes:
            if purpose not in self._spec.connectors:
                raise InvalidInput(
                    f"engine {self._spec.version} has no connector {purpose!r}",
                    hint=f"it has: {', '.join(self._spec.connectors)}",
                )
        return self

    def _configure(self) -> None:
        self._check_memory(self._driver_memory_mib)
        conf = {**self._conf, "spark.driver.memory": f"{self._driver_memory_mib}m"}
        self.with_copy_into_container(properties_file(conf).encode(), _PROPERTIES)
        self.with_command(["connect", "--properties-file", _PROPERTIES])
        self.with_env(TOKEN_VARIABLE, self._token)
        self.with_env("AWS_ACCESS_KEY_ID", self._keys[0])
        self.with_env("AWS_SECRET_ACCESS_KEY", self._keys[1])
        if self._minio:
            self.env.update(self._minio.exports(for_containers=True))
        if self._catalog:
            self.env.update(self._catalog.exports(for_containers=True))

    def readiness(self) -> Readiness:
        host, port = self.get_container_host_ip(), self.get_exposed_port(_CONNECT)
        return ConnectReadiness(port, self._token, host)

    def get_spark_connect_url(self) -> str:
        """For ``SparkSession.builder.remote``; carries the token."""
        host, port = self.get_container_host_ip(), self.get_exposed_port(_CONNECT)
        return connect_url(self._spec, port, self._token, host)

    def get_session(self) -> SparkSession:
        """A new session; it ends with the container."""
        from spark_testkit.connect import open_session

        session = open_session(self.get_spark_connect_url())
        self._sessions.append(session)
        return session

    def get_unity_catalog_url(self) -> str:
        """Root of its Unity Catalog, for clients on this machine."""
        if self._catalog:
            return self._catalog.get_unity_catalog_url()
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(_CATALOG)}"

    def get_s3_url(self) -> str:
        """Endpoint of its S3, for clients on this machine."""
        if self._minio:
            return self._minio.get_s3_url()
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(_S3)}"

    def exports(self) -> dict[str, str]:
        """The environment variables that point clients on this machine at it."""
        access_key, secret_key = self._keys
        store = {
            "AWS_ENDPOINT_URL_S3": self.get_s3_url(),
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_REGION": s3.REGION,
        }
        return {
            "SPARK_REMOTE": self.get_spark_connect_url(),
            **(self._minio.exports() if self._minio else store),
            **unity_catalog.exports(self.get_unity_catalog_url()),
        }

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        from spark_testkit.connect import end_session

        while self._sessions:
            end_session(self._sessions.pop())
        super().stop(force, delete_volume)
