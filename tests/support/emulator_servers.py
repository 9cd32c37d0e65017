"""An emulator as a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

__all__ = ["Server"]


class Server:
    """A server process that listens.

    Attributes:
        url: where.
        log: its lines so far; all of them once it has stopped.
    """

    def __init__(self, module: str, config_file: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "--config", str(config_file)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.log: list[str] = []
        self.url = ""
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"serving .* at (https?://\S+)", line):
                self.url = found.group(1)
                break
        # Nobody else reads the pipe, and a full one would stop the server.
        self._reader = threading.Thread(target=self.log.extend, args=(self.process.stderr,))
        self._reader.start()
        assert self.url, "".join(self.log)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        returncode = self.process.wait(timeout=60)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return returncode
