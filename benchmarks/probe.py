"""A Connect client that waits for a server and runs the first query; a process of its own.

``start`` runs this file by its path. It says ``ready`` when the client is imported, reads an
address from stdin, and says ``done`` when ``SELECT 1`` has come back from there.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from urllib.parse import urlsplit

_TIMEOUT_S = 120.0
_INTERVAL_S = 0.02


def main() -> None:
    """Import, wait, ask."""
    # pyspark's Connect client reads this when it chooses between its two implementations
    os.environ.setdefault("SPARK_CONNECT_MODE_ENABLED", "1")
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    url = sys.stdin.readline().strip()
    _wait_for_port(urlsplit(url).port or 0)
    session = SparkSession.builder.remote(url).create()
    # the same for a port that accepts before its server listens, as a container's does
    steady = DefaultPolicy(
        max_retries=int(_TIMEOUT_S / _INTERVAL_S),
        backoff_multiplier=1,
        initial_backoff=int(_INTERVAL_S * 1000),
        jitter=0,
    )
    session.client.set_retry_policies([steady])
    assert session.sql("SELECT 1").collect()[0][0] == 1
    sys.stdout.write("done\n")
    sys.stdout.flush()
    # stopping the session is not part of the figure
    sys.stdin.readline()


def _wait_for_port(port: int) -> None:
    """The client's own retries back off for seconds; they would blur the figure."""
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(_INTERVAL_S)
    sys.exit(f"nothing listened on port {port} for {_TIMEOUT_S:g} s")


if __name__ == "__main__":
    main()
