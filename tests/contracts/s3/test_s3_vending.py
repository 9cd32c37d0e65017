"""What a vended credential allows: the store itself refuses the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from emulator_servers import Server
from pyiceberg.catalog.rest import RestCatalog

from spark_emulators.unity_catalog.settings import VendingSettings
from spark_emulators.unity_catalog.vending.policy import Access
from spark_emulators.unity_catalog.vending.sts import StsVendor
from spark_platform.kernel.database import sqlite_url
from spark_testkit.services import s3

BUCKET = s3.WAREHOUSE_BUCKET
DENIED = "AccessDenied"


@pytest.fixture(scope="module")
def vending(exports: Any) -> VendingSettings:
    return VendingSettings(
        endpoint=exports["AWS_ENDPOINT_URL_S3"],
        access_key_id=exports["AWS_ACCESS_KEY_ID"],
        secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        role_arn=s3.ROLE_ARN,
    )


@pytest.fixture(scope="module")
def vendor(vending: VendingSettings) -> StsVendor:
    return StsVendor(vending)


@pytest.fixture(params=list(Access))
def access(request: Any) -> Access:
    chosen: Access = request.param
    return chosen


@pytest.fixture
def holder(exports: Any, vendor: StsVendor, client: Any, access: Access) -> Iterator[Any]:
    """A client whose credentials are for ``v/t``."""
    for key in ("v/t/there", "v/t2/other", "other"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    vended = vendor.vend(f"s3://{BUCKET}/v/t", access)
    keys = {
        **exports,
        "AWS_ACCESS_KEY_ID": vended.access_key_id,
        "AWS_SECRET_ACCESS_KEY": vended.secret_access_key,
        "AWS_SESSION_TOKEN": vended.session_token,
    }
    made = s3.client(keys)
    yield made
    made.close()


def outcome(call: Callable[..., Any], **arguments: Any) -> str:
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def test_reading_is_for_the_prefix(holder: Any) -> None:
    assert outcome(holder.get_object, Key="v/t/there") == "done"
    assert outcome(holder.list_objects_v2, Prefix="v/t/") == "done"
    # some clients ask first whether the prefix itself is an object
    assert outcome(holder.get_object, Key="v/t") == "NoSuchKey"
    for other in ("v/t2/other", "v", "other"):
        assert outcome(holder.get_object, Key=other) == DENIED
    for prefix in ("", "v/", "v/t2/"):
        assert outcome(holder.list_objects_v2, Prefix=prefix) == DENIED


def test_what_is_not_there_is_missing_and_not_denied(holder: Any) -> None:
    # Hadoop looks for an object at a folder's name, and takes a refusal for one
    for key in ("v/t", "v/t/missing"):
        assert outcome(holder.head_object, Key=key) == "404"
    for key in ("v", "v/t2", "v/t2/missing"):
        assert outcome(holder.head_object, Key=key) == "403"


def test_writing_is_for_who_may_write(holder: Any, access: Access) -> None:
    expected = "done" if access is Access.READ_WRITE else DENIED
    assert outcome(holder.put_object, Key="v/t/new", Body=b"") == expected
    assert outcome(holder.delete_object, Key="v/t/there") == expected
    assert outcome(holder.create_multipart_upload, Key="v/t/parts") == expected
    for other in ("v/t2/other", "v/new", "new"):
        assert outcome(holder.put_object, Key=other, Body=b"") == DENIED
        assert outcome(holder.delete_object, Key=other) == DENIED


def test_what_was_vended_is_vended_again(vendor: StsVendor) -> None:
    there = vendor.vend(f"s3://{BUCKET}/again", Access.READ)
    assert vendor.vend(f"s3://{BUCKET}/again", Access.READ) is there
    assert vendor.vend(f"s3://{BUCKET}/again", Access.READ_WRITE) is not there
    for secret in (there.secret_access_key, there.session_token):
        assert secret not in repr(there)


@pytest.fixture
def catalog(exports: Any, vending: VendingSettings, tmp_path: Path) -> Iterator[Server]:
    """A catalog on the store, which hands out credentials with its tables."""
    secrets = {"access_key_id": exports["AWS_ACCESS_KEY_ID"]}
    secrets["secret_access_key"] = exports["AWS_SECRET_ACCESS_KEY"]
    config = {
        "port": 0,
        "database": sqlite_url(tmp_path / "uc.sqlite"),
        "catalogs": [{"name": "unity", "storage_root": f"s3://{BUCKET}/vended"}],
        "file_io": {
            "s3.endpoint": exports["AWS_ENDPOINT_URL_S3"],
            "s3.access-key-id": secrets["access_key_id"],
            "s3.secret-access-key": secrets["secret_access_key"],
            "s3.region": s3.REGION,
        },
        "vending": {
            **vending.model_dump(),
            **secrets,
            "delegation": "asked",
            "properties": {"s3.path-style-access": "true"},
        },
        "client_properties": {"s3.endpoint": exports["AWS_ENDPOINT_URL_S3"]},
    }
    file = tmp_path / "uc.json"
    file.write_text(json.dumps(config))
    server = Server("spark_emulators.unity_catalog", file)
    yield server
    server.stop()


def test_pyiceberg_needs_no_keys_of_its_own(
    catalog: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    uri = f"{catalog.url}/api/2.1/unity-catalog/iceberg"
    options = {"uri": uri, "warehouse": "unity", "s3.region": s3.REGION}
    client = RestCatalog("unity", **options)
    client.create_namespace("s")
    rows = pa.table({"id": pa.array([1, 2], pa.int64())})
    table = client.create_table("s.t", rows.schema)
    table.append(rows)
    loaded = client.load_table("s.t")
    assert loaded.scan().to_arrow() == rows
    told = {key: loaded.config[key] for key in ("client.region", "s3.path-style-access")}
    assert told == {"client.region": s3.REGION, "s3.path-style-access": "true"}
