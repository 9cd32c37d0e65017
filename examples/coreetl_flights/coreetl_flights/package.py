"""Puts the job itself on S3, for drivers that run elsewhere: a script to start, and its modules.

``python -m coreetl_flights.package BUCKET`` uses the ordinary AWS variables.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import boto3

_PACKAGE = Path(__file__).parent
_START = b"from coreetl_flights.job import main\n\nmain()\n"


def archive() -> bytes:
    """A zip of the package, as ``pyFiles`` takes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted(_PACKAGE.glob("*.py")):
            made.write(file, f"{_PACKAGE.name}/{file.name}")
    return packed.getvalue()


def upload(s3: Any, bucket: str) -> None:
    """Store the job under ``code/`` of ``bucket``, which must exist."""
    for name, content in (("main.py", _START), (f"{_PACKAGE.name}.zip", archive())):
        s3.put_object(Bucket=bucket, Key=f"code/{name}", Body=content)
        print(f"stored s3://{bucket}/code/{name}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    upload(boto3.client("s3"), sys.argv[1])
