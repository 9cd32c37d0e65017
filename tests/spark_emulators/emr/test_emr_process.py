"""The server process: starting, stopping, dying, and what it keeps to itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from emr_jobs import gone, spark_step, written

from spark_emulators.emr.settings import Settings
from spark_platform.kernel.errors import InvalidInput

SECRET = "swordfish-0123456789"


def with_jobs(server: Any, tmp_path: Path) -> list[str]:
    """Start two jobs that do not listen to SIGTERM; returns the ids of their processes."""
    application = server.aws.application()
    server.aws.submit(application, "/stubborn", str(tmp_path / "run"))
    server.aws.cluster(spark_step("/stubborn", str(tmp_path / "step")))
    pids = [*written(tmp_path / "run").split(), *written(tmp_path / "step").split()]
    assert len(pids) == 4
    return pids + [str(each.pid) for each in psutil.Process(server.process.pid).children()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_stops_ends_its_jobs(
    start_server: Callable[[], Any],
    config: dict[str, Any],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    config["stop_grace_s"] = 0.5
    server = start_server()
    pids = with_jobs(server, tmp_path)
    assert server.stop(number) == 0
    gone(pids)
    assert list(Path(config["temp_dir"]).iterdir()) == []
    assert "Traceback" not in "".join(server.log)


def test_a_server_that_is_killed_leaves_no_job(
    start_server: Callable[[], Any], config: dict[str, Any], tmp_path: Path
) -> None:
    server = start_server()
    pids = with_jobs(server, tmp_path)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    gone(pids)
    assert list(Path(config["temp_dir"]).iterdir()) == []


def test_a_guard_that_is_killed_takes_its_job_along(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    command = ["bash", "-c", 'echo $$ >"$0"; exec sleep 600', str(file)]
    guard = subprocess.Popen(
        [sys.executable, "-m", "spark_emulators.emr.guard", "", *command], stdin=subprocess.PIPE
    )
    pid = written(file)
    guard.kill()
    guard.wait()
    assert guard.stdin is not None
    guard.stdin.close()
    gone([pid])


@pytest.mark.parametrize(("word", "stays"), [(b".", True), (b"", False)])
def test_a_guard_deletes_what_nobody_else_will(tmp_path: Path, word: bytes, stays: bool) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    command = [sys.executable, "-m", "spark_emulators.emr.guard", str(folder), "sleep", "600"]
    assert subprocess.run(command, input=word, timeout=60).returncode == 128 + signal.SIGKILL
    assert folder.exists() == stays


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)]
)
def test_a_guard_ends_as_its_command(script: str, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "spark_emulators.emr.guard", "", "bash", "-c", script],
        stdin=subprocess.PIPE,
    ) as guard:
        assert guard.wait() == code


def test_secrets_are_neither_in_an_argv_nor_in_an_answer(
    start_server: Callable[[], Any], config: dict[str, Any], tmp_path: Path
) -> None:
    config["spark_defaults"] = {"spark.hadoop.fs.s3a.secret.key": SECRET}
    config["environment"] = {"STORE_PASSWORD": SECRET}
    server = start_server()
    application = server.aws.application()
    waiting = server.aws.submit(application, "/wait", str(tmp_path / "pid"), str(tmp_path / "go"))
    pid = int(written(tmp_path / "pid"))
    process = psutil.Process(pid)
    for each in (process, *process.parents()[:2]):
        assert SECRET not in " ".join(each.cmdline())
    assert process.environ()["STORE_PASSWORD"] == SECRET
    (tmp_path / "go").touch()
    server.aws.ended(application, waiting)
    failed = server.aws.submit(application, "/fail", SECRET)
    details = server.aws.ended(application, failed)["stateDetails"]
    assert SECRET not in details
    assert "ValueError" in details
    server.stop()
    assert SECRET not in "".join(server.log)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"port": "many"}, "port"),
        ({"cores": 0}, "cores"),
        ({"s3": {"access_key": SECRET}}, "s3.secret_key"),
        ({"spark_defaults": {"spark.secret": [SECRET]}}, "spark_defaults"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(
    config: dict[str, Any], tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    config_file = tmp_path / "emr.json"
    config_file.write_text(json.dumps({**config, **change}))
    with pytest.raises(InvalidInput, match=named) as caught:
        Settings.from_file(config_file)
    assert SECRET not in str(caught.value)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "spark_emulators.emr", "--config", str(tmp_path / "none.json")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "none.json" in done.stderr
