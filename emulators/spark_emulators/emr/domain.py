"""One server's EMR: the parts of the domain, put together for its doors."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from spark_emulators.emr.applications import Applications, Tokens
from spark_emulators.emr.clusters import Clusters
from spark_emulators.emr.logs import LogStore
from spark_emulators.emr.runner import ProcessRunner, Runner
from spark_emulators.emr.serverless import JobRuns
from spark_emulators.emr.settings import Settings

__all__ = ["Domain", "steady_clock"]


@dataclass(frozen=True)
class Domain:
    """What a request can be about."""

    settings: Settings
    applications: Applications
    application_tokens: Tokens
    job_runs: JobRuns
    clusters: Clusters
    now: Callable[[], float]

    @classmethod
    def build(
        cls,
        settings: Settings,
        runner: Runner | None = None,
        now: Callable[[], float] | None = None,
    ) -> Domain:
        """Nothing is started yet.

        Args:
            runner: where jobs run; as processes of this machine where None.
            now: seconds since the epoch, which never go back; the machine's where None.
        """
        runner = runner or ProcessRunner(settings)
        clock = now or steady_clock()

        def now_ms() -> float:
            # what AWS tells; also what a client can send back without losing some of it
            return round(clock(), 3)

        applications, logs = Applications(), LogStore(settings.s3)
        return cls(
            settings,
            applications,
            Tokens(),
            JobRuns(settings, applications, runner, logs, now_ms),
            Clusters(settings, runner, logs, now_ms),
            now_ms,
        )

    def close(self) -> None:
        """End all jobs."""
        self.job_runs.close()
        self.clusters.close()


def steady_clock() -> Callable[[], float]:
    """Seconds since the epoch, as they were at the start plus what has passed since."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()
