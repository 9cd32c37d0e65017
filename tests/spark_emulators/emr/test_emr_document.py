"""docs/emr.md: its settings are settings, its program runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_emulators.emr.settings import Settings
from spark_testkit.engine import install
from spark_testkit.settings import Settings as ToolkitSettings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "emr.md"


def shown(language: str) -> str:
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return str(code)


def test_the_settings_shown_are_settings() -> None:
    assert Settings.model_validate(json.loads(shown("json"))).port == 8085


class TestOnTheEngine:
    @pytest.fixture
    def config(self, config: dict[str, Any]) -> dict[str, Any]:
        home = install(None, ToolkitSettings.from_env(os.environ)).spark_home
        return {**config, "spark_home": str(home)}

    def test_the_program_shown_runs(
        self, start_server: Callable[[], Any], config: dict[str, Any]
    ) -> None:
        server = start_server()
        environment = {
            **os.environ,
            "SPARK_HOME": config["spark_home"],
            "AWS_ENDPOINT_URL_EMR_SERVERLESS": server.aws.url,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "-c", shown("python")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.stdout.startswith("SUCCESS"), done.stdout + done.stderr
