"""A catalog in a process of its own, which vendors' clients talk to in theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from emulator_servers import Server

from spark_platform.kernel.database import sqlite_url


@dataclass(frozen=True)
class Catalog:
    """Where it is, the folder that its tables may be in, and where it leaves its admin's token."""

    url: str
    folder: str
    token_file: Path


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


def _served(folder: Path, **more: Any) -> Iterator[Catalog]:
    root = f"file://{folder}/warehouse"
    config = {
        "port": 0,
        "database": sqlite_url(folder / "uc.sqlite"),
        "catalogs": [{"name": "unity", "storage_root": root}],
    }
    file = folder / "uc.json"
    # what has no place of its own goes below this one
    file.write_text(json.dumps({**config, "storage_root": f"{root}/managed", **more}))
    server = Server("spark_emulators.unity_catalog", file)
    yield Catalog(server.url, root, folder / "admin.token")
    server.stop()
