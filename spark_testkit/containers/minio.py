"""MinIO in a container."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from spark_testkit.containers.base import ServiceContainer
from spark_testkit.service import Readiness
from spark_testkit.services import s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["MinioContainer"]

_PORT = 9000


class MinioContainer(ServiceContainer):
    """The reference S3 server, with the bucket ``unity``.

    Example::

        with MinioContainer() as minio:
            minio.get_client().create_bucket(Bucket="raw")

    Args:
        image: ``spark-testkit images build --layer minio`` makes the default one.
        access_key, secret_key: random where they are not given.
        kwargs: see ``ServiceContainer``.
    """

    def __init__(
        self,
        image: str = s3.MINIO_IMAGE,
        *,
        access_key: str | None = None,
        secret_key: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image, **kwargs)
        self.access_key = access_key or secrets.token_hex(10)
        self.secret_key = secret_key or secrets.token_urlsafe(24)
        self.with_exposed_ports(_PORT)

    def _configure(self) -> None:
        self.with_env("MINIO_ROOT_USER", self.access_key)
        self.with_env("MINIO_ROOT_PASSWORD", self.secret_key)
        self.with_env("MINIO_REGION", s3.REGION)

    def readiness(self) -> Readiness:
        return s3.S3Readiness(self.exports(), s3.WAREHOUSE_BUCKET)

    def get_s3_url(self) -> str:
        """Its endpoint, for clients on this machine."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(_PORT)}"

    def get_client(self) -> S3Client:
        """A boto3 client; the caller closes it."""
        return s3.client(self.exports())

    def exports(self, *, for_containers: bool = False) -> dict[str, str]:
        """The environment variables that point AWS clients at it.

        Args:
            for_containers: on its Docker network instead of this machine.
        """
        inside = f"http://{self.address_for_containers()}:{_PORT}" if for_containers else ""
        return {
            "AWS_ENDPOINT_URL_S3": inside or self.get_s3_url(),
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": s3.REGION,
        }
