"""Vendors' own Python clients, each in an environment of its own, unmodified."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from clients import python_with

HERE = Path(__file__).parent
CLIENTS = {
    "python_client.py": ("unitycatalog-client==0.7.0", "/api/2.1/unity-catalog"),
    "databricks_client.py": ("databricks-sdk==0.162.0", ""),
}


ACCESS = {
    "python_access.py": "unitycatalog-client==0.7.0",
    "databricks_access.py": "databricks-sdk==0.162.0",
}


@pytest.mark.parametrize("script", ACCESS)
def test_a_vendors_client_is_let_in_as_whoever_it_is(
    guarded: Any, tmp_path: Path, script: str
) -> None:
    python = python_with(tmp_path / "env", ACCESS[script])
    # a token is a secret, so it is no argument
    command = [python, HERE / script, guarded.url, guarded.token_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", CLIENTS)
def test_a_vendors_client_meets_what_it_knows(unity: Any, tmp_path: Path, script: str) -> None:
    package, path = CLIENTS[script]
    python = python_with(tmp_path / "env", package)
    command = [python, HERE / script, unity.url + path, unity.folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
