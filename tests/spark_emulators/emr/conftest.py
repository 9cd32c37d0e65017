"""EMR for tests: in this process with a clock of the test's own, or a real server process."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from emr_jobs import BUCKET, Aws, client, fake_spark
from emulator_servers import Server

from spark_emulators.emr.domain import Domain, steady_clock
from spark_emulators.emr.settings import Settings
from spark_emulators.emr.wire.app import create_app
from spark_testkit.service import ServiceRequest
from spark_testkit.services import s3
from spark_testkit.settings import Settings as ToolkitSettings
from spark_testkit.stack import Stack


class Clock:
    """The machine's, plus what a test adds."""

    def __init__(self) -> None:
        self._now = steady_clock()
        self._added_s = 0.0

    def __call__(self) -> float:
        return self._now() + self._added_s

    def pass_minutes(self, minutes: float) -> None:
        self._added_s += minutes * 60


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """The settings file's content for a server whose Spark is a small script."""
    return {
        "port": 0,
        "spark_home": str(fake_spark(tmp_path / "spark")),
        "python": sys.executable,
        "temp_dir": str(tmp_path / "jobs"),
        "state_pause_s": 0.05,
        "stop_grace_s": 5,
    }


@pytest.fixture
def aws(config: dict[str, Any], clock: Clock) -> Iterator[Aws]:
    """boto3's clients of a server in this process."""
    app = create_app(Domain.build(Settings.model_validate(config), now=clock))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, ws="none", log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    found = Aws(url, client("emr-serverless", url), client("emr", url))
    yield found
    found.close()
    server.should_exit = True
    thread.join()
    jobs = Path(config["temp_dir"])
    assert not jobs.exists() or list(jobs.iterdir()) == []


class EmrServer(Server):
    """A server process, with boto3's clients."""

    def __init__(self, config_file: Path) -> None:
        super().__init__("spark_emulators.emr", config_file)
        self.aws = Aws(self.url, client("emr-serverless", self.url), client("emr", self.url))

    def stop(self, number: int = signal.SIGTERM) -> int:
        returncode = super().stop(number)
        self.aws.close()
        return returncode


@pytest.fixture
def start_server(tmp_path: Path, config: dict[str, Any]) -> Iterator[Callable[[], EmrServer]]:
    """Starts server processes, and stops them all."""
    servers: list[EmrServer] = []

    def start() -> EmrServer:
        config_file = tmp_path / "emr.json"
        config_file.write_text(json.dumps(config))
        servers.append(EmrServer(config_file))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def application(aws: Aws) -> str:
    """An application's id."""
    return aws.application()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3 server's address and keys."""
    settings = dataclasses.replace(
        ToolkitSettings.from_env(os.environ), state_dir=tmp_path_factory.mktemp("state")
    )
    with Stack("emr-s3", settings=settings) as stack:
        exports = dict(stack.up(ServiceRequest("s3", "s3", {}))["s3"])
        client = s3.client(exports)
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield exports
