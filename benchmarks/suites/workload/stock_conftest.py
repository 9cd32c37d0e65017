"""The stock way to run in parallel: each worker starts a server of its own with spark-submit.

One session per worker, which is the cheapest a suite can do; tests share it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_TIMEOUT_S = 120.0


@pytest.fixture(scope="session")
def spark(worker_id: str) -> Iterator[Any]:
    servers = json.loads(Path(os.environ["BENCHMARK_SERVERS"]).read_text())
    server = servers[worker_id]
    os.environ.setdefault("SPARK_CONNECT_MODE_ENABLED", "1")
    with open(Path(server["folder"]) / "log", "ab") as log:
        process = subprocess.Popen(
            server["argv"],
            cwd=server["folder"],
            env=server["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        from pyspark.sql.connect.session import SparkSession

        _wait_for_port(server["port"])
        session = SparkSession.builder.remote(server["url"]).create()
        yield session
        session.stop()
    finally:
        process.kill()
        process.wait()


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
