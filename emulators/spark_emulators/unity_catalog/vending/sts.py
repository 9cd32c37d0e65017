"""Credentials from a store's own STS, by the keys that the catalog has of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spark_emulators.unity_catalog.settings import VendingSettings
from spark_emulators.unity_catalog.vending.policy import Access, inline_policy
from spark_platform.kernel.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

__all__ = ["Credentials", "StsVendor"]

_TIMEOUT_S = 5
_SESSION = "unity-catalog"


@dataclass(frozen=True)
class Credentials:
    """Keys for a part of a store.

    Attributes:
        location: what they are for, and all below it.
        expires_at_ms: when they end, in milliseconds since 1970.
        store: what Iceberg's clients are told of the store with them.
    """

    location: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at_ms: int
    store: Mapping[str, str] = field(default_factory=dict)


class StsVendor:
    """Assumes one role, narrowed to what each caller needs (AWS STS ``AssumeRole``).

    What was vended is vended again while more than half of its time is left.
    """

    def __init__(self, settings: VendingSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: STSClient | None = None
        self._vended: dict[tuple[str, Access], Credentials] = {}

    def vend(self, location: str, access: Access) -> Credentials:
        """Credentials for the objects below ``location``.

        Args:
            location: ``s3://bucket/prefix``.

        Raises:
            InvalidInput: it is no prefix of an S3 bucket.
            Transient: the store does not answer, or not to us.
        """
        policy = inline_policy(location, access)
        fresh_until_ms = time.time() * 1000 + self._settings.duration_s * 500
        with self._lock:
            kept = self._vended.get((location, access))
            if kept is not None and kept.expires_at_ms > fresh_until_ms:
                return kept
            made = self._assume(location, policy)
            self._forget_expired()
            self._vended[location, access] = made
            return made

    def _assume(self, location: str, policy: str) -> Credentials:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._sts().assume_role(
                RoleArn=self._settings.role_arn,
                RoleSessionName=_SESSION,
                Policy=policy,
                DurationSeconds=self._settings.duration_s,
            )
        except (BotoCoreError, ClientError) as error:
            raise Transient(f"the store vends no credentials: {error}", retry_after_s=1) from error
        vended = answer["Credentials"]
        return Credentials(
            location,
            vended["AccessKeyId"],
            vended["SecretAccessKey"],
            vended["SessionToken"],
            int(vended["Expiration"].timestamp() * 1000),
            {"client.region": self._settings.region, **self._settings.properties},
        )

    def _sts(self) -> STSClient:
        if self._client is None:
            import boto3
            from botocore.config import Config

            settings = self._settings
            self._client = boto3.client(
                "sts",
                endpoint_url=settings.endpoint,
                region_name=settings.region,
                aws_access_key_id=settings.access_key_id.get_secret_value(),
                aws_secret_access_key=settings.secret_access_key.get_secret_value(),
                # others wait for the answer
                config=Config(
                    connect_timeout=_TIMEOUT_S,
                    read_timeout=_TIMEOUT_S,
                    retries={"total_max_attempts": 2},
                ),
            )
        return self._client

    def _forget_expired(self) -> None:
        now_ms = time.time() * 1000
        self._vended = {k: v for k, v in self._vended.items() if v.expires_at_ms > now_ms}
