"""A catalog in a process of its own, which vendors' clients talk to in theirs."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from emulator_servers import Server

from spark_platform.kernel.database import sqlite_url
from spark_testkit.services import s3
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack


@dataclass(frozen=True)
class Catalog:
    """A server.

    Attributes:
        url: where it is.
        folder: what its tables may be in.
        token_file: where it leaves its admin's token.
        store: of one that vends credentials, its S3 server.
    """

    url: str
    folder: str
    token_file: Path
    store: str = ""


@pytest.fixture(scope="session")
def unity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One for all clients: each makes catalogs of its own. Everybody is its admin."""
    yield from _served(tmp_path_factory.mktemp("unity"))


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One that asks everybody for a token."""
    folder = tmp_path_factory.mktemp("guarded")
    token_file = folder / "admin.token"
    yield from _served(folder, authorization={"admin_token_file": str(token_file)})


@pytest.fixture(scope="session")
def vending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One that asks for a token, and hands out keys of an S3 store with its tables."""
    folder = tmp_path_factory.mktemp("vending")
    settings = dataclasses.replace(Settings.from_env(os.environ), state_dir=folder / "state")
    with Stack("uc-vending", settings=settings) as stack:
        exports = stack.up("s3")["s3"]
        store = exports["AWS_ENDPOINT_URL_S3"]
        keys = {
            "access_key_id": exports["AWS_ACCESS_KEY_ID"],
            "secret_access_key": exports["AWS_SECRET_ACCESS_KEY"],
        }
        told = {"s3.endpoint": store, "s3.path-style-access": "true"}
        yield from _served(
            folder,
            root=f"s3://{s3.WAREHOUSE_BUCKET}/catalog",
            store=store,
            authorization={"admin_token_file": str(folder / "admin.token")},
            file_io={
                "s3.endpoint": store,
                "s3.region": s3.REGION,
                **{f"s3.{key.replace('_', '-')}": value for key, value in keys.items()},
            },
            vending={"endpoint": store, "role_arn": s3.ROLE_ARN, "properties": told, **keys},
        )


def _served(folder: Path, root: str = "", store: str = "", **more: Any) -> Iterator[Catalog]:
    root = root or f"file://{folder}/warehouse"
    config = {
        "port": 0,
        "database": sqlite_url(folder / "uc.sqlite"),
        "catalogs": [{"name": "unity", "storage_root": root}],
    }
    file = folder / "uc.json"
    # what has no place of its own goes below this one
    file.write_text(json.dumps({**config, "storage_root": f"{root}/managed", **more}))
    server = Server("spark_emulators.unity_catalog", file)
    yield Catalog(server.url, root, folder / "admin.token", store)
    server.stop()
