"""docs/emr.md: its settings are settings, its program runs in the stack shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from spark_emulators.emr.settings import Settings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "emr.md"


def shown(language: str) -> str:
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return str(code)


def test_the_settings_shown_are_settings() -> None:
    assert Settings.model_validate(json.loads(shown("json"))).port == 8085


def test_the_program_shown_runs(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SPARK_TESTKIT_STATE_DIR": str(tmp_path / "state"),
        "NO_PROXY": "localhost",
    }
    script = f"set -euo pipefail\ntrap 'spark-testkit down' EXIT\n{shown('bash')}\n"
    # it uses the default stack's well-known ports
    with FileLock(tmp_path_factory.getbasetemp().parent / "default-ports.lock", timeout=280):
        done = subprocess.run(
            ["bash", "-c", f'{script}python -c "$0"', shown("python")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout
    assert "5 orders" in done.stdout
