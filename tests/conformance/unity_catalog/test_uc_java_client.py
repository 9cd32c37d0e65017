"""The open-source server's own Java client, unmodified: a Maven project's own tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from catalog_callers import Caller
from maven import copied, passed

PROJECT = Path(__file__).with_name("java")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied(PROJECT, tmp_path)


@pytest.fixture
def secret(guarded: Any) -> str:
    """Of the service principal ``java`` of the catalog that asks for tokens."""
    # the first answer waits for libraries that are loaded
    with httpx.Client(timeout=60) as client:
        admin = Caller(client, guarded.token_file.read_text(), guarded.url)
        made: str = admin.service_principal("java")
    return made


def test_its_tests_pass(project: Path, unity: Any, guarded: Any, secret: str) -> None:
    assert passed(
        project,
        TEST_OPEN=unity.url,
        TEST_FOLDER=unity.folder,
        TEST_GUARDED=guarded.url,
        TEST_ADMIN_TOKEN_FILE=str(guarded.token_file),
        TEST_PRINCIPAL="java",
        TEST_SECRET=secret,
    ) == {"conformance.AccessTest": 3, "conformance.ObjectsTest": 6, "conformance.TablesTest": 4}
