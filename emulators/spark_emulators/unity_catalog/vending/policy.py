"""What a vended credential allows, as an IAM policy.

The open-source server's own (``AwsPolicyGenerator``): objects below one prefix, and listing them.
"""

from __future__ import annotations

import json
from enum import Enum

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Access", "inline_policy"]


class Access(str, Enum):
    """What may be done below the prefix."""

    READ = "READ"
    READ_WRITE = "READ_WRITE"


_READS = ["s3:GetObject"]
_WRITES = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
_LISTS = ["s3:ListBucket"]
# parts of an upload are listed by who uploads them; listing all uploads is for the whole bucket
_LISTS_PARTS = ["s3:ListMultipartUploadParts"]


def inline_policy(location: str, access: Access) -> str:
    """The policy for the objects at ``location`` and below, and for nothing else.

    Args:
        location: ``s3://bucket/prefix``, without a final slash.

    Raises:
        InvalidInput: it is no prefix of an S3 bucket.
    """
    # not as a URL: in a key, "?" and "#" are signs like others
    scheme, _, rest = location.partition("://")
    bucket, _, prefix = rest.rstrip("/").partition("/")
    if scheme != "s3" or not bucket:
        raise InvalidInput(f"credentials are vended for s3://bucket/prefix, not for {location!r}")
    if any(sign in rest for sign in "*?$"):
        raise InvalidInput(f"{location!r} has a '*', '?' or '$' in it, which policies read as more")
    # the prefix itself too: Hadoop asks for an object of that name before it takes it for a folder
    keys = [prefix, f"{prefix}/*"] if prefix else ["*"]
    objects = [f"arn:aws:s3:::{bucket}/{key}" for key in keys]
    allowed = [*_READS, *(_WRITES + _LISTS_PARTS if access is Access.READ_WRITE else [])]
    listed = [prefix, f"{prefix}/", f"{prefix}/*"] if prefix else ["*"]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": allowed, "Resource": objects},
                {
                    "Effect": "Allow",
                    "Action": _LISTS,
                    "Resource": [f"arn:aws:s3:::{bucket}"],
                    "Condition": {"StringLike": {"s3:prefix": listed}},
                },
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetBucketLocation"],
                    "Resource": [f"arn:aws:s3:::{bucket}"],
                },
            ],
        }
    )
