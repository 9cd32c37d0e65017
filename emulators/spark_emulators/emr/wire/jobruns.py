"""EMR Serverless' operations on job runs, REST-JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

from spark_emulators.emr.domain import Domain
from spark_emulators.emr.errors import UnknownResource, ValidationFailed
from spark_emulators.emr.jobruns import TERMINAL, Attempt, State, billed, runs_s
from spark_emulators.emr.requests import StartJobRun, parse
from spark_emulators.emr.submissions import Record
from spark_emulators.emr.vendor import ACCOUNT
from spark_emulators.emr.wire.messages import REST, Answer, Call, json_answer

__all__ = ["cancel", "get", "list_attempts", "list_runs", "start"]

T = TypeVar("T")
_PAGE = 50
_MAX_GRACE_S = 1200
_CREATED_BY = f"arn:aws:iam::{ACCOUNT}:user/emulator"


def start(domain: Domain, call: Call) -> Answer:
    body = call.body
    application = call.groups["application"]
    record = domain.job_runs.start(application, parse(StartJobRun, body), body)
    return json_answer(
        {"applicationId": application, "jobRunId": record.run.id, "arn": record.arn}, REST
    )


def get(domain: Domain, call: Call) -> Answer:
    record = _record(domain, call)
    number = call.number("attempt", 1, 1_000_000)
    attempt = record.run.last
    if number is not None:
        if number > len(record.run.attempts):
            raise UnknownResource(f"JobRun {record.run.id} has no attempt {number}")
        attempt = record.run.attempts[number - 1]
    return json_answer({"jobRun": _job_run(domain, record, attempt)}, REST)


def cancel(domain: Domain, call: Call) -> Answer:
    grace_s = call.number("shutdownGracePeriodInSeconds", 0, _MAX_GRACE_S)
    application, run = call.groups["application"], call.groups["run"]
    domain.job_runs.cancel(application, run, grace_s)
    return json_answer({"applicationId": application, "jobRunId": run}, REST)


def list_runs(domain: Domain, call: Call) -> Answer:
    records = domain.job_runs.of(call.groups["application"])
    states, mode = set(call.parameters("states")), call.parameter("mode")
    for state in states:
        if state not in State.__members__:
            raise ValidationFailed(f"states: {state!r} is no state of a job run")
    after, before = _time(call, "createdAtAfter"), _time(call, "createdAtBefore")
    found = [
        each
        for each in records
        if (not states or each.run.state.value in states)
        and (mode is None or each.request.mode == mode)
        and (after is None or each.run.created_at > after)
        and (before is None or each.run.created_at < before)
    ]
    page, token = _page(call, found)
    return json_answer({"jobRuns": [_summary(each) for each in page], **token}, REST)


def list_attempts(domain: Domain, call: Call) -> Answer:
    record = _record(domain, call)
    page, token = _page(call, record.run.attempts[::-1])
    attempts = [
        {
            **_of_both(record, each),
            "id": record.run.id,
            "jobCreatedAt": record.run.created_at,
            "createdAt": each.created_at,
            "updatedAt": each.updated_at,
            "type": "Spark",
        }
        for each in page
    ]
    return json_answer({"jobRunAttempts": attempts, **token}, REST)


def _record(domain: Domain, call: Call) -> Record:
    return domain.job_runs.get(call.groups["application"], call.groups["run"])


def _of_both(record: Record, attempt: Attempt) -> dict[str, Any]:
    """What a run and its summary have in common."""
    named = {"name": record.request.name} if record.request.name else {}
    return {
        **named,
        "applicationId": record.application.id,
        "arn": record.arn,
        "createdBy": _CREATED_BY,
        "createdAt": record.run.created_at,
        "updatedAt": attempt.updated_at,
        "executionRole": record.request.executionRoleArn,
        "state": attempt.state.value,
        "stateDetails": attempt.details,
        "releaseLabel": record.application.release_label,
        "mode": record.request.mode,
        "attempt": attempt.number,
    }


def _of_attempt(attempt: Attempt) -> dict[str, Any]:
    return {"attemptCreatedAt": attempt.created_at, "attemptUpdatedAt": attempt.updated_at}


def _summary(record: Record) -> dict[str, Any]:
    last = record.run.last
    return {"id": record.run.id, "type": "Spark", **_of_both(record, last), **_of_attempt(last)}


def _job_run(domain: Domain, record: Record, attempt: Attempt) -> dict[str, Any]:
    run, body = record.run, record.body
    seconds = runs_s(run, domain.now())
    given = ("configurationOverrides", "executionIamPolicy", "retryPolicy")
    answer = {
        "jobRunId": run.id,
        **_of_both(record, attempt),
        **_of_attempt(attempt),
        **{key: body[key] for key in given if key in body},
        "jobDriver": body["jobDriver"],
        "tags": record.request.tags,
        "executionTimeoutMinutes": record.request.timeout_min,
        "totalExecutionDurationSeconds": round(seconds),
        "queuedDurationMilliseconds": round(run.queued_s * 1000),
    }
    if run.started_at is not None:
        answer["startedAt"] = run.started_at
    if run.state in TERMINAL:
        used = billed(seconds, domain.settings.cores)
        answer |= {
            "endedAt": run.ended_at,
            "billedResourceUtilization": used,
            "totalResourceUtilization": used,
        }
    return answer


def _time(call: Call, name: str) -> float | None:
    value = call.parameter(name)
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise ValidationFailed(f"{name}: must be a time, as 2026-01-31T00:00:00Z") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()


def _page(call: Call, found: Sequence[T]) -> tuple[Sequence[T], dict[str, str]]:
    """The part of ``found`` that is asked for, and the token for the next, if there is one."""
    size = call.number("maxResults", 1, _PAGE) or _PAGE
    token = call.parameter("nextToken")
    try:
        begin = int(base64.urlsafe_b64decode(token)) if token else 0
    except (ValueError, binascii.Error):
        raise ValidationFailed("nextToken: is not one of this server's") from None
    end = begin + size
    more = {"nextToken": base64.urlsafe_b64encode(b"%d" % end).decode()} if end < len(found) else {}
    return found[begin:end], more
