"""What a step of a cluster would run, settled when it is submitted."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_emulators.emr.errors import ValidationFailed
from spark_emulators.emr.jobs import SERVICE_KEYS, SparkJob, parse_command
from spark_emulators.emr.requests import RunJobFlow, StepConfig
from spark_emulators.emr.settings import Settings

__all__ = ["Plan", "cluster_conf", "new_step_id", "plan_step"]

_COMMAND_RUNNER = "command-runner.jar"


@dataclass(frozen=True)
class Plan:
    """A step that can run."""

    config: StepConfig
    job: SparkJob
    spark_home: Path
    role: str = ""


def plan_step(
    settings: Settings, config: StepConfig, release_label: str, conf: Mapping[str, str], role: str
) -> Plan:
    """What ``config`` would run on a cluster of that release.

    Raises:
        ValidationFailed: nothing that can run here.
    """
    if config.HadoopJarStep.Jar.rsplit("/", 1)[-1] != _COMMAND_RUNNER:
        raise ValidationFailed(f"Steps.HadoopJarStep.Jar: only {_COMMAND_RUNNER} is emulated")
    job = parse_command(config.HadoopJarStep.Args)
    home = settings.home_of(release_label)
    if home is None:
        raise ValidationFailed(
            f"ReleaseLabel: no Spark is set up here for {release_label!r}; "
            "the server's settings name it as spark_home or in spark_homes"
        )
    merged = SparkJob(job.entry_point, job.arguments, job.main_class, {**conf, **job.conf})
    return Plan(config, merged, home, role)


def cluster_conf(request: RunJobFlow) -> dict[str, str]:
    """Spark's configuration in the request for a cluster."""
    conf: dict[str, str] = {}
    for each in request.Configurations:
        if each.Classification == "spark-defaults":
            conf.update(each.Properties)
    # --master means the cluster there, so the clusters' own spelling of it may too
    return {key: value for key, value in conf.items() if key not in SERVICE_KEYS}


def new_step_id() -> str:
    """An id like those of EMR."""
    alphabet = string.ascii_uppercase + string.digits
    return "s-" + "".join(secrets.choice(alphabet) for _ in range(13))
