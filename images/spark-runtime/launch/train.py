"""Make the image's class data archive: start Connect as a container would, run queries, stop it.

A step of the image's build runs this file. An archive belongs to one Java and one class path, so
it is made where both are as they will be.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAUNCH = Path("/opt/spark/launch")
_STARTED = re.compile(r"Spark Connect server started at: .*:(\d+)\n")
_START_TIMEOUT_S = 180
_TRAINING_TIMEOUT_S = 300
_STOP_TIMEOUT_S = 180


def main(archive: Path, folder: Path) -> None:
    """Leave the archive behind.

    Raises:
        SystemExit: there is none, and this is what the server said.
    """
    (folder / "tmp").mkdir()
    token = secrets.token_urlsafe(24)
    environment = {
        **os.environ,
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
        "SPARK_LAUNCH_JAVA_OPTIONS": f"-XX:ArchiveClassesAtExit={archive} -XX:-UsePerfData "
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        "TMPDIR": str(folder / "tmp"),
    }
    properties = LAUNCH / "training.properties"
    argv = [sys.executable, "-I", LAUNCH / "launch.py", "connect", "--properties-file", properties]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            argv, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    port = _port(server, log)
    header = "x-spark-testkit-token" if "TestkitConnectServer" in _facts() else "token"
    environment["SPARK_REMOTE"] = f"sc://localhost:{port}/;{header}={token}"
    # a query that fails is no matter, a client that cannot run is
    done = subprocess.run(
        [sys.executable, LAUNCH / "training.py"],
        env=environment,
        cwd=folder,
        timeout=_TRAINING_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        server.kill()
        sys.exit(f"the training ended with {done.returncode}\n{_tail(log)}")
    server.send_signal(signal.SIGTERM)
    server.wait(_STOP_TIMEOUT_S)
    if not archive.exists():
        sys.exit(f"the JVM left no archive behind\n{_tail(log)}")


def _facts() -> str:
    return (LAUNCH / "launch.json").read_text("utf-8")


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        if found := _STARTED.search(log.read_text("utf-8", errors="replace")):
            return int(found[1])
        time.sleep(0.1)
    server.kill()
    sys.exit(f"Spark Connect did not start\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text("utf-8", errors="replace")[-4000:]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        main(Path(sys.argv[1]), Path(scratch))
