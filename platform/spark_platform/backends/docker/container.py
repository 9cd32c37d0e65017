"""A job as a container, and a container as a job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from spark_platform.backends.settings import (
    ASK_CONNECT,
    CONNECT_ANSWERS_WITHIN_S,
    CONNECT_PORT,
    CONNECT_SERVER,
    settings_of,
    sizes_of,
)
from spark_platform.kernel import properties as java
from spark_platform.kernel.times import moment
from spark_platform.model import JobKind, JobSpec, Observation, RunState

__all__ = ["DIGEST", "JOB", "PROPERTIES", "create_options", "observation", "properties"]

JOB, DIGEST = "spark-platform.job", "spark-platform.digest"
PROPERTIES = "spark.properties"
_FOLDER = "/opt/spark/job"
_TIMED_OUT, _KILLED, _TERMINATED = 124, 137, 143
_PATIENCE_S = 30
_SECOND_NS = 10**9
# beside the heap, as Spark counts it on Kubernetes
_OVERHEAD, _LEAST_OVERHEAD_MIB = 0.4, 384
_NEVER = "0001-01-01"


def create_options(job: JobSpec, *, prefix: str, network: str) -> dict[str, Any]:
    """What the Docker engine is asked to create (API 1.41, ``POST /containers/create``).

    Raises:
        InvalidInput: a setting is the platform's.
    """
    heap = job.driver.memory_mib
    memory = heap + max(int(heap * _OVERHEAD), _LEAST_OVERHEAD_MIB)
    options: dict[str, Any] = {
        "image": job.image,
        "name": f"{prefix}{job.name}",
        "command": _command(job),
        "labels": {**job.labels, JOB: job.name, DIGEST: job.digest},
        "mem_limit": f"{memory}m",
    }
    if network:
        options["network"] = network
    if job.kind is JobKind.CONNECT:
        options["ports"] = {f"{CONNECT_PORT}/tcp": ("127.0.0.1", None)}
        options["healthcheck"] = {
            "test": ["CMD-SHELL", ASK_CONNECT],
            "interval": _SECOND_NS,
            "timeout": 10 * _SECOND_NS,
            "retries": CONNECT_ANSWERS_WITHIN_S,
        }
    return options


def properties(job: JobSpec) -> str:
    """Spark's settings, for the file that the container starts with."""
    conf = {
        "spark.app.name": job.name,
        # there are no executors: the driver does their work
        "spark.master": f"local[{job.driver.cores}]",
        "spark.driver.bindAddress": "0.0.0.0",  # noqa: S104 - of a container
        **{key: value for key, value in sizes_of(job).items() if "driver" in key},
        **settings_of(job),
    }
    if job.jars:
        conf["spark.jars"] = ",".join(job.jars)
    if job.py_files:
        conf["spark.submit.pyFiles"] = ",".join(job.py_files)
    if job.kind is JobKind.CONNECT:
        conf["spark.connect.grpc.binding.address"] = "0.0.0.0"  # noqa: S104 - of a container
    return java.properties(conf)


def observation(found: Mapping[str, Any]) -> Observation:
    """How it is with the job of a container (API 1.41, ``GET /containers/{id}/json``)."""
    state, config = found["State"], found["Config"]
    name, native = config["Labels"][JOB], state["Status"]
    code = state["ExitCode"] if native in ("exited", "dead") else None
    run, reason = _state(native, code, state)
    return Observation(
        name=name,
        state=run,
        reason=reason,
        native=native,
        exit_code=code,
        ready=run is RunState.RUNNING,
        connect=_connect(found) if run is RunState.RUNNING else "",
        submitted_at=_moment(found["Created"]),
        started_at=_moment(state["StartedAt"]),
        ended_at=_moment(state["FinishedAt"]) if run.ended else None,
        application=found["Name"].removeprefix("/"),
        logs=f"docker logs {found['Name'].removeprefix('/')}",
    )


def _command(job: JobSpec) -> list[str]:
    program = ["driver", "--properties-file", f"{_FOLDER}/{PROPERTIES}"]
    if job.kind is JobKind.CONNECT:
        program += ["--class", CONNECT_SERVER, "spark-internal"]
    else:
        program += [*(("--class", job.main_class) if job.main_class else ()), job.main]
    program += job.arguments
    if job.timeout_s is None:
        return program
    limit = ["timeout", "--signal=TERM", f"--kill-after={_PATIENCE_S}", str(job.timeout_s)]
    return [*limit, "/opt/entrypoint.sh", *program]


def _state(native: str, code: int | None, state: Mapping[str, Any]) -> tuple[RunState, str]:
    if native in ("created", "restarting"):
        # one whose start was refused
        if state.get("Error"):
            return RunState.FAILED, state["Error"]
        return RunState.SUBMITTED, "its container is made"
    if native == "running" and (state.get("Health") or {}).get("Status", "healthy") != "healthy":
        return RunState.PENDING, "its Connect server does not answer yet"
    if native in ("running", "paused", "removing"):
        return RunState.RUNNING, f"its container is {native}"
    if code == 0:
        return RunState.SUCCEEDED, "its driver exited with 0"
    if state.get("OOMKilled"):
        return RunState.FAILED, f"OOMKilled: its driver exited with {code}"
    said = {
        _TIMED_OUT: "timed out",
        _KILLED: "killed",
        _TERMINATED: "terminated",
    }.get(code or 0, "failed")
    return RunState.FAILED, f"{said}: its driver exited with {code}"


def _connect(found: Mapping[str, Any]) -> str:
    ports = found["NetworkSettings"].get("Ports") or {}
    published = ports.get(f"{CONNECT_PORT}/tcp") or ()
    # stock Python clients send a token without TLS only to a host spelled so
    return f"localhost:{published[0]['HostPort']}" if published else ""


def _moment(text: str) -> datetime | None:
    return None if text.startswith(_NEVER) else moment(text)
