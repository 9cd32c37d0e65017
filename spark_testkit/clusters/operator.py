"""A cluster's Spark operator: a process of this machine, whichever flavour the cluster is of."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from spark_platform.kernel.errors import Terminal, TimedOut
from spark_platform.kernel.files import write_atomically
from spark_platform.kernel.process import ProcessId, reap, start_detached
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.engine.storage import read_json

__all__ = ["OperatorProcess"]

_READY_WITHIN_S = 60.0
_GONE_WITHIN_S = 15.0
_LOG_LINES = 20


class OperatorProcess:
    """The operator of one cluster.

    Args:
        folder: the cluster's private folder.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "operator.log"
        self._note = folder / "operator.json"
        self._ready = folder / "operator.ready"
        self._kubeconfig = folder / "kubeconfig"

    def start(self, ends_with: ProcessId | None) -> None:
        """Start it, and wait until it has the custom resources served and looks after them.

        Args:
            ends_with: it ends when that process has ended.

        Raises:
            Terminal: it ended instead.
            TimedOut: it does not come to that.
        """
        self._ready.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "spark_emulators.spark_operator"]
        argv += ["--kubeconfig", str(self._kubeconfig), "--ready-file", str(self._ready)]
        if ends_with:
            argv += ["--until-end-of", str(ends_with.pid)]
        process = start_detached(argv, log=self._log)
        write_atomically(self._note, json.dumps(asdict(process)))

        def ready() -> None:
            if self._ready.exists():
                return
            if not process.alive():
                reap(process.pid)
                raise Terminal(f"the Spark operator ended{self._last_words()}")
            raise NotYet("it does not look after applications yet")

        try:
            poll(ready, what="the Spark operator", timeout_s=_READY_WITHIN_S)
        except TimedOut as error:
            raise TimedOut(error.message + self._last_words()) from error

    def wanted(self) -> bool:
        """Whether the cluster is to have one."""
        return self._note.exists()

    def alive(self) -> bool:
        """Whether it runs."""
        process = self._process()
        return process is not None and process.alive()

    def stop(self) -> None:
        """End it, if it runs."""
        process = self._process()
        if process is None or not process.alive():
            return
        os.kill(process.pid, signal.SIGTERM)

        def gone() -> None:
            reap(process.pid)
            if process.alive():
                raise NotYet("it runs")

        try:
            poll(gone, what="the Spark operator to end", timeout_s=_GONE_WITHIN_S)
        except TimedOut:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def _process(self) -> ProcessId | None:
        note = read_json(self._note)
        return ProcessId(**note) if note else None

    def _last_words(self) -> str:
        if not self._log.exists():
            return ""
        lines = self._log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
        return "\n--- last lines of its log ---\n" + "\n".join(lines) if lines else ""
