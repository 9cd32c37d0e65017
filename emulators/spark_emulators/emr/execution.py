"""One job from its start to its end, watched by the thread that calls: stops, limits, verdict."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_emulators.emr.runner import Execution, tail

__all__ = ["Ending", "Stop", "follow"]

_LOG = logging.getLogger(__name__)
_LOOKS_EVERY_S = 0.05


@dataclass(frozen=True)
class Stop:
    """Somebody wants a job to end.

    Attributes:
        grace_s: seconds it has for that by itself.
    """

    grace_s: float


@dataclass(frozen=True)
class Ending:
    """How a job ended.

    Attributes:
        code: its exit code.
        stderr: its last lines there.
        stdout: its last lines there, which is where Spark puts a Python driver's traceback.
    """

    code: int
    stderr: tuple[str, ...]
    stdout: tuple[str, ...] = ()


def follow(
    execution: Execution,
    wanted_stop: Callable[[], Stop | None],
    now: Callable[[], float],
    keep: Callable[[Mapping[str, Path]], None],
) -> Ending:
    """Wait for the end of ``execution``, or bring it about.

    Args:
        wanted_stop: asked again and again; not None once the job shall end.
        now: seconds; never goes back.
        keep: takes the logs when the job has ended, before they are deleted.
    """
    kill_at: float | None = None
    try:
        while (code := execution.wait(_LOOKS_EVERY_S)) is None:
            stop = wanted_stop()
            if kill_at is None and stop is not None:
                execution.ask_to_end()
                kill_at = now() + stop.grace_s
            elif kill_at is not None and now() >= kill_at:
                execution.kill()
        try:
            keep(execution.logs)
        except Exception:
            # the verdict is there; logs must not cost it
            _LOG.exception("the logs of a job are lost")
        return Ending(code, *(tuple(tail(execution.logs[name])) for name in ("stderr", "stdout")))
    finally:
        execution.close()
