"""Helpers for tests that start stacks of their own, away from the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from spark_testkit.settings import Settings

# read before any test moves HOME: engines are fetched once, not once per test
USER_CACHE = Settings.from_env(os.environ).cache_dir


def cli(*arguments: str, settings: Settings, **options) -> subprocess.CompletedProcess[str]:
    """Run `spark-testkit` as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "spark_testkit.cli", *arguments],
        env={**os.environ, **settings.as_env(), **options.pop("env", {})},
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 300),
        **options,
    )


def processes_of(settings: Settings) -> list[str]:
    """Command lines of the processes that work in the settings' state folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "environ", "status"]):
        info = process.info
        if info["status"] == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
            continue
        places = (info["cwd"] or "", " ".join(info["cmdline"] or []))
        state = str(settings.state_dir)
        if any(state in place for place in places) or (
            "spark_testkit.supervisor" in places[1]
            and (info["environ"] or {}).get("SPARK_TESTKIT_STATE_DIR") == state
        ):
            found.append(places[1])
    return found


def folders_of(settings: Settings) -> list[str]:
    """The stacks that have a folder."""
    stacks = Path(settings.state_dir) / "stacks"
    return [path.name for path in stacks.iterdir() if path.is_dir()] if stacks.exists() else []
