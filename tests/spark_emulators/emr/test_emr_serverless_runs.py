"""Job runs of EMR Serverless as boto3 sees them; Spark is a stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from emr_jobs import Aws, written

from spark_platform.kernel.wait import NotYet, poll

IN_ORDER = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING"]


def test_a_run_is_seen_in_every_state_in_order(aws: Aws, application: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    run = aws.submit(application, "/wait", str(tmp_path / "pid"), str(go), name="nightly")
    seen: list[str] = []

    def over() -> None:
        state = aws.run(application, run)["state"]
        if seen[-1:] != [state]:
            seen.append(state)
        if state == "RUNNING":
            go.touch()
        if state != "SUCCESS":
            raise NotYet(state)

    poll(over, what="the run's end", timeout_s=60, interval_s=0.005)
    assert seen == [*IN_ORDER, "SUCCESS"]
    found = aws.run(application, run)
    assert found["name"] == "nightly"
    assert found["createdAt"] < found["startedAt"] < found["endedAt"] == found["updatedAt"]
    assert found["billedResourceUtilization"]["vCPUHour"] > 0
    assert found["attempt"] == 1
    assert found["executionTimeoutMinutes"] == 720


def test_a_failure_tells_exit_code_and_exception(aws: Aws, application: str) -> None:
    found = aws.ended(application, aws.submit(application, "/fail", "no", "good"))
    assert found["state"] == "FAILED"
    assert "ExitCode: 3." in found["stateDetails"]
    assert "ValueError: no good" in found["stateDetails"]


def test_a_long_exception_is_cut(aws: Aws, application: str) -> None:
    details = aws.ended(application, aws.submit(application, "/fail", "x" * 500))["stateDetails"]
    assert len(details) == 256
    assert details.endswith("...")


def test_a_cancelled_run_ends_with_all_its_processes(
    aws: Aws, application: str, tmp_path: Path
) -> None:
    run = aws.submit(application, "/wait-with-child", str(tmp_path / "pids"))
    pids = written(tmp_path / "pids").split()
    aws.serverless.cancel_job_run(applicationId=application, jobRunId=run)
    assert aws.run(application, run)["state"] in ("CANCELLING", "CANCELLED")
    assert aws.ended(application, run)["state"] == "CANCELLED"
    assert not [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()]


def test_a_run_that_does_not_listen_is_killed_after_its_grace(
    aws: Aws, application: str, tmp_path: Path
) -> None:
    run = aws.submit(application, "/stubborn", str(tmp_path / "pids"))
    pids = written(tmp_path / "pids").split()
    for _ in range(2):
        aws.serverless.cancel_job_run(
            applicationId=application, jobRunId=run, shutdownGracePeriodInSeconds=1
        )
    assert aws.run(application, run)["state"] == "CANCELLING"
    assert aws.ended(application, run)["state"] == "CANCELLED"
    assert not [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()]


def test_what_has_ended_cannot_be_cancelled(aws: Aws, application: str) -> None:
    run = aws.submit(application, "/succeed")
    aws.ended(application, run)
    with pytest.raises(aws.serverless.exceptions.ValidationException, match="terminal state"):
        aws.serverless.cancel_job_run(applicationId=application, jobRunId=run)
    assert aws.run(application, run)["state"] == "SUCCESS"


def test_a_run_beyond_its_time_is_cancelled(
    aws: Aws, application: str, clock: Any, tmp_path: Path
) -> None:
    files = str(tmp_path / "pid"), str(tmp_path / "never")
    limited = aws.submit(application, "/wait", *files, executionTimeoutMinutes=5)
    free = aws.submit(
        application, "/wait", str(tmp_path / "p"), str(tmp_path / "go"), executionTimeoutMinutes=0
    )
    aws.reaches(application, limited, "RUNNING")
    aws.reaches(application, free, "RUNNING")
    clock.pass_minutes(4)
    assert aws.run(application, limited)["state"] == "RUNNING"
    clock.pass_minutes(2000)
    found = aws.ended(application, limited)
    assert found["state"] == "CANCELLED"
    assert "execution timeout of 5 minutes" in found["stateDetails"]
    assert aws.run(application, free)["state"] == "RUNNING"
    (tmp_path / "go").touch()
    assert aws.ended(application, free)["state"] == "SUCCESS"


def test_a_failed_attempt_is_repeated(aws: Aws, application: str, tmp_path: Path) -> None:
    run = aws.submit(
        application, "/flaky", str(tmp_path / "n"), "3", retryPolicy={"maxAttempts": 5}
    )
    found = aws.ended(application, run)
    assert (found["state"], found["attempt"]) == ("SUCCESS", 3)
    attempts = aws.serverless.list_job_run_attempts(applicationId=application, jobRunId=run)
    assert [(each["attempt"], each["state"]) for each in attempts["jobRunAttempts"]] == [
        (3, "SUCCESS"),
        (2, "FAILED"),
        (1, "FAILED"),
    ]
    first = aws.serverless.get_job_run(applicationId=application, jobRunId=run, attempt=1)
    assert "IOError: try 1" in first["jobRun"]["stateDetails"]
    with pytest.raises(aws.serverless.exceptions.ResourceNotFoundException):
        aws.serverless.get_job_run(applicationId=application, jobRunId=run, attempt=4)


def test_attempts_are_no_more_than_allowed(aws: Aws, application: str, tmp_path: Path) -> None:
    more: dict[str, Any] = {"retryPolicy": {"maxAttempts": 2}}
    found = aws.ended(
        application, aws.submit(application, "/flaky", str(tmp_path / "n"), "9", **more)
    )
    assert (found["state"], found["attempt"]) == ("FAILED", 2)


def test_a_run_waits_where_the_application_is_full(aws: Aws, tmp_path: Path) -> None:
    application = aws.application(schedulerConfiguration={"maxConcurrentRuns": 1})
    go = tmp_path / "go"
    first = aws.submit(application, "/wait", str(tmp_path / "pid"), str(go))
    aws.reaches(application, first, "RUNNING")
    second = aws.submit(application, "/succeed")
    third = aws.submit(application, "/succeed")
    aws.reaches(application, second, "QUEUED")
    aws.reaches(application, third, "QUEUED")
    aws.serverless.cancel_job_run(applicationId=application, jobRunId=third)
    assert aws.ended(application, third)["state"] == "CANCELLED"
    go.touch()
    found = aws.ended(application, second)
    assert found["state"] == "SUCCESS"
    assert found["queuedDurationMilliseconds"] > 0
    shown = aws.serverless.get_application(applicationId=application)["application"]
    assert shown["schedulerConfiguration"] == {"maxConcurrentRuns": 1}


def test_a_run_does_not_queue_for_ever(aws: Aws, clock: Any, tmp_path: Path) -> None:
    limits = {"maxConcurrentRuns": 1, "queueTimeoutMinutes": 15}
    application = aws.application(schedulerConfiguration=limits)
    first = aws.submit(application, "/wait", str(tmp_path / "pid"), str(tmp_path / "never"))
    second = aws.submit(application, "/succeed")
    aws.reaches(application, second, "QUEUED")
    clock.pass_minutes(16)
    found = aws.ended(application, second)
    assert found["state"] == "CANCELLED"
    assert "queue timeout of 15 minutes" in found["stateDetails"]
    aws.serverless.cancel_job_run(applicationId=application, jobRunId=first)


def test_runs_are_listed_the_newest_first_by_page_and_state(aws: Aws, application: str) -> None:
    runs = [aws.submit(application, each) for each in ("/succeed", "/fail", "/succeed")]
    for run in runs:
        aws.ended(application, run)
    pages = aws.serverless.get_paginator("list_job_runs").paginate(
        applicationId=application, PaginationConfig={"PageSize": 2}
    )
    assert [each["id"] for page in pages for each in page["jobRuns"]] == runs[::-1]
    failed = aws.serverless.list_job_runs(applicationId=application, states=["FAILED"])
    assert [each["id"] for each in failed["jobRuns"]] == [runs[1]]
    created = aws.run(application, runs[2])["createdAt"]
    later = aws.serverless.list_job_runs(applicationId=application, createdAtAfter=created)
    assert later["jobRuns"] == []


def test_configuration_is_merged_into_a_file_only_its_owner_reads(aws: Aws, tmp_path: Path) -> None:
    runtime = [{"classification": "spark-defaults", "properties": {"spark.a": "1", "spark.b": "1"}}]
    application = aws.application(runtimeConfiguration=runtime)
    overrides = [
        {"classification": "spark-defaults", "properties": {"spark.b": "2", "spark.c": "2"}},
        {"classification": "spark-env", "properties": {"X": "1"}},
    ]
    file = tmp_path / "properties"
    run = aws.submit(
        application,
        "/properties",
        str(file),
        parameters="--conf spark.c='3 4' --class Main",
        configurationOverrides={"applicationConfiguration": overrides},
    )
    assert aws.ended(application, run)["state"] == "SUCCESS"
    lines = file.read_text().splitlines()
    assert {"spark.a=1", "spark.b=2", "spark.c=3\\ 4"} <= set(lines)
    assert "spark.hadoop.fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem" in lines
    assert lines[-1] == "600"


def test_an_application_with_runs_cannot_be_stopped(
    aws: Aws, application: str, tmp_path: Path
) -> None:
    run = aws.submit(application, "/wait", str(tmp_path / "pid"), str(tmp_path / "never"))
    with pytest.raises(aws.serverless.exceptions.ValidationException, match=run):
        aws.serverless.stop_application(applicationId=application)
    aws.serverless.cancel_job_run(applicationId=application, jobRunId=run)
    aws.ended(application, run)
    aws.serverless.stop_application(applicationId=application)

    aws.serverless.delete_application(applicationId=application)
    shown = aws.serverless.get_application(applicationId=application)["application"]
    assert shown["state"] == "TERMINATED"
