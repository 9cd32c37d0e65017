"""A job as a job run of EMR Serverless, and a job run as a job. Pure.

Source: Amazon EMR Serverless API reference, StartJobRun and JobRun.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from spark_platform.backends.settings import settings_of, sizes_of
from spark_platform.kernel.errors import InvalidInput
from spark_platform.model import JobKind, JobSpec, Observation, RunState

__all__ = ["DIGEST", "log_keys", "observation", "request"]

DIGEST = "spark-platform-digest"
_STATES: Mapping[str, RunState] = {
    "SUBMITTED": RunState.SUBMITTED,
    "QUEUED": RunState.SUBMITTED,
    "PENDING": RunState.PENDING,
    "SCHEDULED": RunState.PENDING,
    "RUNNING": RunState.RUNNING,
    "CANCELLING": RunState.RUNNING,
    "SUCCESS": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "CANCELLED": RunState.CANCELLED,
}
_EXIT_CODE = re.compile(r"ExitCode: (\d+)")
_MINUTE_S, _SHORTEST_MINUTES = 60, 5


def request(job: JobSpec, application: str, role: str, log_uri: str) -> dict[str, Any]:
    """The arguments of StartJobRun: the job's name is its token, so that it runs once.

    Raises:
        InvalidInput: EMR runs no such job.
    """
    if job.kind is JobKind.CONNECT:
        raise InvalidInput(
            f"kind {job.kind.value}: EMR Serverless runs no Connect servers",
            hint="run it on a cluster with the Spark operator",
        )
    if job.secrets:
        raise InvalidInput(
            f"secrets {', '.join(sorted(job.secrets))}: EMR Serverless has none of a cluster's",
            hint="let the execution role read what the job needs",
        )
    submit: dict[str, Any] = {"entryPoint": job.main, "entryPointArguments": list(job.arguments)}
    parameters = _parameters(job)
    if parameters:
        submit["sparkSubmitParameters"] = shlex.join(parameters)
    defaults = {
        "classification": "spark-defaults",
        "properties": {**settings_of(job), **sizes_of(job)},
    }
    overrides: dict[str, Any] = {"applicationConfiguration": [defaults]}
    if log_uri:
        overrides["monitoringConfiguration"] = {"s3MonitoringConfiguration": {"logUri": log_uri}}
    streams = job.kind is JobKind.STREAM
    return {
        "applicationId": application,
        "clientToken": job.name,
        "name": job.name,
        "executionRoleArn": role,
        "jobDriver": {"sparkSubmit": submit},
        "configurationOverrides": overrides,
        "executionTimeoutMinutes": _minutes(job.timeout_s),
        "mode": "STREAMING" if streams else "BATCH",
        # whether another attempt follows is the platform's to say
        "retryPolicy": {"maxFailedAttemptsPerHour": 1} if streams else {"maxAttempts": 1},
        "tags": {**job.labels, DIGEST: job.digest},
    }


def observation(found: Mapping[str, Any]) -> Observation:
    """How it is with a job run, as GetJobRun or ListJobRuns tells."""
    native, details = found["state"], found.get("stateDetails") or ""
    state = _STATES.get(native, RunState.UNKNOWN)
    if state is RunState.CANCELLED and _timed_out(found):
        minutes = found["executionTimeoutMinutes"]
        state, details = RunState.FAILED, f"timed out after {minutes} minutes: {details}"
    code = _EXIT_CODE.search(details)
    exit_code = int(code[1]) if code else None
    return Observation(
        name=found.get("name", ""),
        state=state,
        reason=details or native,
        native=native,
        exit_code=0 if state is RunState.SUCCEEDED else exit_code,
        attempt=found.get("attempt", 1),
        cancelling=native == "CANCELLING",
        ready=state is RunState.RUNNING,
        submitted_at=found["createdAt"],
        started_at=found.get("startedAt"),
        ended_at=(found.get("endedAt") or found.get("updatedAt")) if state.ended else None,
        application=f"{found['applicationId']}/{found.get('jobRunId') or found['id']}",
        logs=_log_uri(found),
    )


def log_keys(found: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Bucket and keys of a job run's driver log; no bucket where it writes none."""
    uri = _log_uri(found)
    if not uri:
        return "", []
    bucket, _, folder = uri.removeprefix("s3://").partition("/")
    run = found["jobRunId"]
    place = f"applications/{found['applicationId']}/jobs/{run}/SPARK_DRIVER"
    prefix = f"{folder.strip('/')}/{place}" if folder.strip("/") else place
    return bucket, [f"{prefix}/{stream}.gz" for stream in ("stderr", "stdout")]


def _minutes(timeout_s: int | None) -> int:
    """A limit as EMR has it: whole minutes, five at least; 0 is for ever."""
    return max(-(-timeout_s // _MINUTE_S), _SHORTEST_MINUTES) if timeout_s else 0


def _parameters(job: JobSpec) -> list[str]:
    return [
        *(("--class", job.main_class) if job.main_class else ()),
        *(("--py-files", ",".join(job.py_files)) if job.py_files else ()),
        *(("--jars", ",".join(job.jars)) if job.jars else ()),
    ]


def _timed_out(found: Mapping[str, Any]) -> bool:
    """Whether EMR cancelled it, which tells no difference: it lasted as long as it might."""
    minutes = found.get("executionTimeoutMinutes") or 0
    began, ended = found.get("startedAt") or found["createdAt"], found.get("updatedAt")
    if not minutes or ended is None:
        return False
    return bool(ended - began >= timedelta(minutes=minutes))


def _log_uri(found: Mapping[str, Any]) -> str:
    overrides = found.get("configurationOverrides") or {}
    monitoring = overrides.get("monitoringConfiguration") or {}
    return str((monitoring.get("s3MonitoringConfiguration") or {}).get("logUri") or "")
