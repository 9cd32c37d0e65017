"""The default engine, really installed and really started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spark_platform.kernel import process, wait
from spark_platform.kernel.errors import CommandFailed
from spark_testkit.engine import CONNECT_SERVER, install, launch
from spark_testkit.settings import Settings

TOKEN = "the-token-of-this-test"
CLIENT = """
import os
from pyspark.sql.connect.session import SparkSession
session = SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).create()
session.sql("CREATE TABLE here.db.t USING iceberg AS SELECT id FROM range(10)")
print(session.conf.get("spark.odd"), session.table("here.db.t").count())
"""
ODD = 'spaces, "quotes" and back\\slashes'


@dataclass(frozen=True)
class Server:
    pid: int
    port: int
    loaded: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("connect")
    engine = install("4.1", Settings.from_env(os.environ))
    loaded = folder / "loaded.log"
    started = launch(
        engine,
        CONNECT_SERVER,
        conf={
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": "0",
            "spark.master": "local[1]",
            "spark.odd": ODD,
            "spark.sql.catalog.here": "org.apache.iceberg.spark.SparkCatalog",
            "spark.sql.catalog.here.type": "hadoop",
            "spark.sql.catalog.here.warehouse": (folder / "iceberg").as_uri(),
        },
        heap_mib=700,
        folder=folder,
        jvm_options=(f"-Xlog:class+load:file={loaded}",),
    )
    started.write_files()
    environment = {
        **os.environ,
        **started.environment,
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": TOKEN,
    }
    log = folder / "server.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            started.argv, cwd=folder, env=environment, stdout=output, stderr=output
        ) as child,
    ):
        try:
            port = wait.poll(lambda: listening(child, log), what="Connect", timeout_s=120)
            yield Server(child.pid, port, loaded, environment)
        finally:
            child.kill()


def listening(child: subprocess.Popen[bytes], log: Path) -> int:
    assert child.poll() is None, log.read_text()
    match = re.search(r"server started at: .*:(\d+)", log.read_text())
    if match is None:
        raise wait.NotYet(log.read_text())
    return int(match[1])


def query(server: Server, token: str) -> str:
    remote = f"sc://localhost:{server.port}/;token={token}"
    return process.run(
        [sys.executable, "-c", CLIENT],
        env={**server.environment, "SPARK_REMOTE": remote},
        timeout_s=120,
    )


def test_it_answers_with_iceberg_and_with_the_configuration_as_given(server: Server) -> None:
    assert query(server, TOKEN).splitlines()[-1] == f"{ODD} 10"


def test_its_classes_come_from_the_archive(server: Server) -> None:
    sources = server.loaded.read_text()

    assert re.search(r"SparkConnectServer source: shared objects file \(top\)", sources)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_its_command_line_shows_only_the_argument_file(server: Server) -> None:
    shown = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")

    assert len([part for part in shown if part]) == 2
    assert shown[1].startswith(b"@")


def test_it_refuses_another_token(server: Server) -> None:
    with pytest.raises(CommandFailed, match=r"(?i)unauthenticated|token"):
        query(server, "another")
