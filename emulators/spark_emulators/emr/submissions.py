"""A job run as it was submitted: what it came from, and what of it ``spark-submit`` is told."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spark_emulators.emr.applications import View
from spark_emulators.emr.execution import Stop
from spark_emulators.emr.jobruns import JobRun
from spark_emulators.emr.jobs import SparkJob, parse_parameters, spark_defaults
from spark_emulators.emr.requests import StartJobRun

__all__ = ["Record", "new_run_id", "spark_job"]


@dataclass
class Record:
    """A job run, with all it came from.

    Attributes:
        body: the request, for answers.
        stop: not None once it shall end.
        why: why it shall end.
    """

    run: JobRun
    application: View
    request: StartJobRun
    body: Mapping[str, Any]
    job: SparkJob
    spark_home: Path
    stop: Stop | None = None
    why: str = ""
    thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def arn(self) -> str:
        return f"{self.application.arn}/jobruns/{self.run.id}"


def spark_job(view: View, request: StartJobRun) -> SparkJob:
    """What ``request`` runs; its configuration wins over its application's.

    Raises:
        ValidationFailed: Spark could not be told so.
    """
    assert request.jobDriver is not None
    submit = request.jobDriver.sparkSubmit
    assert submit is not None
    main_class, parameters = parse_parameters(submit.sparkSubmitParameters)
    overrides = [
        each.model_dump() for each in request.configurationOverrides.applicationConfiguration
    ]
    conf = {**spark_defaults(view.runtime), **spark_defaults(overrides), **parameters}
    if request.name:
        conf.setdefault("spark.app.name", request.name)
    return SparkJob(submit.entryPoint, submit.entryPointArguments, main_class, conf)


def new_run_id() -> str:
    """An id like those of EMR Serverless."""
    alphabet = string.digits + "abcdefghijklmnopqrstuv"
    return "00f" + "".join(secrets.choice(alphabet) for _ in range(13))
