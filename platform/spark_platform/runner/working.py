"""A worker in a process of its own, so that it and the door do not wait for one interpreter's lock.

``python -m spark_platform.runner.working`` is told its settings in the first line of its input.
Each byte after that wakes it, and the input's end, which comes even if the door is killed, ends it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from typing import IO

from spark_platform.kernel.serving import log_to_stderr
from spark_platform.runner.settings import Settings

__all__ = ["WorkerProcess", "main"]

_LOG = logging.getLogger(__name__)
_ARGV = (sys.executable, "-m", "spark_platform.runner.working")
_AGAIN_AFTER_S = 1.0
# who submits waits for the door, and jobs wait for long anyhow
_NICE = 5
_ENDS_WITHIN_S = 10.0
_CHUNK = 4096


class WorkerProcess:
    """A worker while the block runs. One that dies is followed by another.

    Args:
        settings: the Runner's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def __enter__(self) -> WorkerProcess:
        self._process = self._started()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._stop.set()
            process = self._process
            _input(process).close()
        try:
            process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            # what it was at has a lease, and is safe to repeat
            process.kill()
        self._keeper.join()

    def wake(self) -> None:
        """There is something to do."""
        with self._lock:
            if self._stop.is_set():
                return
            # it has not yet read that it is woken; or it is gone, and the next one looks by itself
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(_input(self._process).fileno(), b"\n")

    def _keep(self) -> None:
        while True:
            code = self._process.wait()
            if self._stop.is_set():
                return
            _LOG.error("the worker ended with %s; another one follows", code)
            if self._stop.wait(_AGAIN_AFTER_S):
                return
            follower = self._started()
            with self._lock:
                _input(self._process).close()
                self._process = follower
                if self._stop.is_set():
                    _input(follower).close()

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(_ARGV, stdin=subprocess.PIPE, bufsize=0)
        with contextlib.suppress(BrokenPipeError):
            # it may hold a password, which an argv would show to all
            _input(process).write(self._settings.model_dump_json().encode() + b"\n")
        os.set_blocking(_input(process).fileno(), False)
        return process


def main() -> None:
    """Work until the input ends."""
    from spark_platform.runner.places import places_of
    from spark_platform.runner.store import Store
    from spark_platform.runner.worker import Worker, WorkerSettings

    for number in (signal.SIGINT, signal.SIGTERM):
        # sent to the door as well, which tells this process when to end
        signal.signal(number, signal.SIG_IGN)
    log_to_stderr()
    os.nice(_NICE)
    settings = Settings.model_validate_json(sys.stdin.readline())
    with contextlib.ExitStack() as open_:
        store = open_.enter_context(contextlib.closing(Store(settings.database)))
        places = places_of(settings.sk8, lambda seen: worker.hear(seen))
        open_.callback(places.close)
        given = WorkerSettings(threads=settings.threads, lease_s=settings.lease_s)
        worker = Worker(store, places.of, settings=given)
        stop = threading.Event()

        def listen() -> None:
            while os.read(sys.stdin.fileno(), _CHUNK):
                worker.wake()
            stop.set()
            worker.wake()

        threading.Thread(target=listen, name="listener", daemon=True).start()
        worker.run(stop)


def _input(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


if __name__ == "__main__":
    main()
