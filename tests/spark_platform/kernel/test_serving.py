"""What all servers have in common."""

import json
import subprocess
import sys

import pytest

# told to stop when it listens already, and uvicorn does not look at signals yet
EARLY = """
import os, signal, sys, uvicorn
from spark_emulators.token_issuer.server import main
early = getattr(signal, sys.argv.pop(1))
run = uvicorn.Server.run
def told_early(self, sockets=None):
    os.kill(os.getpid(), early)
    return run(self, sockets=sockets)
uvicorn.Server.run = told_early
sys.exit(main())
"""


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_server_that_is_told_to_stop_while_it_starts_stops(tmp_path, signal):
    config = tmp_path / "config.json"
    issuer = {"port": 0, "issuer": "http://i", "client_secret": "s"}
    config.write_text(json.dumps({**issuer, "key_file": str(tmp_path / "key.pem")}))
    done = subprocess.run(
        [sys.executable, "-c", EARLY, signal, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "serving tokens" in done.stderr
