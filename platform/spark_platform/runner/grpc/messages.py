"""Jobs and runs as the messages of ``runner.proto``, and back. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from spark_platform.model import Executors, Job, JobKind, Retries, RunState, Size
from spark_platform.runner.grpc import runner_pb2 as pb
from spark_platform.runner.records import Attempt, Run

__all__ = ["job_of", "run_message", "state_of"]

_KINDS = {pb.BATCH: JobKind.BATCH, pb.STREAM: JobKind.STREAM, pb.CONNECT: JobKind.CONNECT}


def job_of(message: pb.Job) -> Job:
    """The job of a message.

    Raises:
        InvalidInput: it cannot be one.
    """
    executors, retries = Executors(), Retries()
    if message.HasField("executors"):
        given = message.executors
        size = _size(given.size) if given.HasField("size") else Size()
        executors = Executors(size, given.minimum, given.maximum)
    if message.HasField("retries"):
        attempts = message.retries.attempts if message.retries.HasField("attempts") else None
        retries = Retries(attempts, message.retries.backoff_s)
    return Job(
        name=message.name,
        domain=message.domain,
        owner=message.owner,
        engine=message.engine,
        kind=_KINDS.get(message.kind, JobKind.BATCH),
        main=message.main,
        main_class=message.main_class,
        py_files=tuple(message.py_files),
        jars=tuple(message.jars),
        arguments=tuple(message.arguments),
        conf=dict(message.conf),
        driver=_size(message.driver) if message.HasField("driver") else Size(),
        executors=executors,
        secrets=dict(message.secrets),
        service_account=message.service_account or "spark",
        labels=dict(message.labels),
        timeout_s=message.timeout_s if message.HasField("timeout_s") else None,
        retries=retries,
        region=message.region,
        ttl_s=message.ttl_s if message.HasField("ttl_s") else None,
    )


def run_message(run: Run) -> pb.Run:
    """A run."""
    message = pb.Run(
        run_id=run.run_id,
        name=run.job.name,
        domain=run.job.domain,
        owner=run.job.owner,
        state=_state(run.state),
        reason=run.reason,
        attempts=[_attempt(each) for each in run.attempts],
        image=run.image.tag,
        image_digest=run.image.digest,
        spark_version=run.image.spark_version,
        cancel_reason=run.cancel_reason,
        version=run.version,
        links=run.links,
    )
    _stamp(message.created_at, run.created_at)
    _stamp(message.ended_at, run.ended_at)
    return message


def state_of(number: int) -> RunState:
    """The state of a message's number.

    Raises:
        ValueError: it is none.
    """
    return RunState(pb.State.Name(number))


def _attempt(attempt: Attempt) -> pb.Attempt:
    message = pb.Attempt(
        number=attempt.number,
        state=_state(attempt.state),
        reason=attempt.reason,
        failure=attempt.failure.value if attempt.failure else "",
        backend=attempt.backend,
        cluster=attempt.cluster,
        application=attempt.application,
        exit_code=attempt.exit_code,
        degraded=attempt.degraded,
    )
    _stamp(message.started_at, attempt.started_at)
    _stamp(message.ended_at, attempt.ended_at)
    return message


def _state(state: RunState) -> pb.State:
    found: pb.State = pb.State.Value(state.value)
    return found


def _size(message: pb.Size) -> Size:
    return Size(message.cores, message.memory_mib)


def _stamp(field: Any, when: datetime | None) -> None:
    if when is not None:
        field.FromDatetime(when)
