"""Test suites that the benchmarks run: each run gets a copy in a folder of its own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.workspace import Workspace

__all__ = ["new_suite", "pytest_argv"]


def new_suite(space: Workspace, name: str) -> Path:
    """A copy of suite ``name``, with a pytest configuration that keeps this repository's out."""
    folder = space.folder(name)
    shutil.copytree(
        Path(__file__).parent / name,
        folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def pytest_argv(*arguments: str) -> list[str]:
    """The command that runs a suite in its folder."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
