"""Job logs in S3, laid out as EMR does; a store that fails never fails a job."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from spark_emulators.emr.settings import S3Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["LogStore", "driver_prefix", "step_prefix"]

_LOG = logging.getLogger(__name__)


def driver_prefix(log_uri: str, application: str, run: str, attempt: int) -> str:
    """Where a driver's logs go, without a final slash; first attempts have no folder."""
    again = f"/attempts/{attempt}" if attempt > 1 else ""
    return f"{log_uri.rstrip('/')}/applications/{application}/jobs/{run}{again}/SPARK_DRIVER"


def step_prefix(log_uri: str, cluster: str, step: str) -> str:
    """Where a step's logs go, without a final slash."""
    return f"{log_uri.rstrip('/')}/{cluster}/steps/{step}"


class LogStore:
    """Writes logs to the store of ``settings``; without one it says so instead."""

    def __init__(self, settings: S3Settings | None) -> None:
        self._settings = settings

    def write(self, prefix: str, logs: Mapping[str, Path | str]) -> None:
        """Write each log, compressed, to ``<prefix>/<name>.gz``.

        Args:
            logs: name to file, or to the text itself.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        if self._settings is None:
            _LOG.warning("no logs are written to %s: the settings name no S3 store", prefix)
            return
        target = urlsplit(prefix)
        client = _client(self._settings)
        try:
            for name, log in logs.items():
                body = log.encode() if isinstance(log, str) else log.read_bytes()
                key = f"{target.path.lstrip('/')}/{name}.gz"
                client.put_object(Bucket=target.netloc, Key=key, Body=gzip.compress(body))
        except (BotoCoreError, ClientError, OSError) as error:
            _LOG.warning("logs could not be written to %s: %s", prefix, error)
        finally:
            client.close()


def _client(settings: S3Settings) -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key.get_secret_value(),
        aws_secret_access_key=settings.secret_key.get_secret_value(),
        config=Config(
            retries={"total_max_attempts": 2},
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=30,
        ),
    )
