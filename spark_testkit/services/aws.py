"""AWS's own client of what a stack has of AWS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

__all__ = ["client"]

# botocore reads the user's even where it is given keys, and fails on a profile that is not there
_NO_PROFILES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def client(service: str, exports: Mapping[str, str], *, attempts: int = 3) -> Any:
    """A boto3 client.

    Args:
        service: as boto3 calls it ("s3", "emr-serverless").
        exports: name the server and its keys; see ``ServiceSpec.exports``.
        attempts: how often boto3 tries a call.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    session: Any = boto3.session.Session(
        botocore_session=botocore.session.Session(session_vars=_NO_PROFILES),
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=exports.get("AWS_SESSION_TOKEN"),
        region_name=exports["AWS_REGION"],
    )
    config = Config(
        retries={"total_max_attempts": attempts},
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=60,
        # the user's cannot reach it
        proxies={},
    )
    endpoint = exports[f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"]
    return session.client(service, endpoint_url=endpoint, config=config)
