"""Steps of EMR clusters as boto3 sees them; Spark is a stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from emr_jobs import Aws, spark_step, written

from spark_platform.kernel.wait import NotYet, poll


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def waits(tmp_path: Path, name: str = "a") -> tuple[str, str, str]:
    """The arguments of a step that writes its pid to a file and waits for another."""
    return "/wait", str(tmp_path / f"{name}.pid"), str(tmp_path / f"{name}.go")


def test_a_step_is_seen_in_every_state_in_order(aws: Aws, tmp_path: Path) -> None:
    cluster = aws.cluster()
    assert aws.cluster_state(cluster) == "WAITING"
    (step,) = aws.add(cluster, spark_step(*waits(tmp_path), name="load"))
    seen: list[str] = []

    def over() -> None:
        state = aws.step(cluster, step)["Status"]["State"]
        if seen[-1:] != [state]:
            seen.append(state)
        if state == "RUNNING":
            (tmp_path / "a.go").touch()
        if state != "COMPLETED":
            raise NotYet(state)

    poll(over, what="the step's end", timeout_s=60, interval_s=0.005)
    assert seen == ["PENDING", "RUNNING", "COMPLETED"]
    found = aws.step(cluster, step)
    assert found["Name"] == "load"
    assert found["Config"]["Args"][:2] == ["spark-submit", "/wait"]
    times = found["Status"]["Timeline"]
    assert times["CreationDateTime"] < times["StartDateTime"] < times["EndDateTime"]
    aws.cluster_reaches(cluster, "WAITING")


def test_steps_run_one_after_the_other(aws: Aws, tmp_path: Path) -> None:
    cluster = aws.cluster(spark_step(*waits(tmp_path)), spark_step("/succeed"))
    written(tmp_path / "a.pid")
    assert aws.states(cluster) == ["RUNNING", "PENDING"]
    assert aws.cluster_state(cluster) == "RUNNING"
    (tmp_path / "a.go").touch()
    aws.cluster_reaches(cluster, "WAITING")
    assert aws.states(cluster) == ["COMPLETED", "COMPLETED"]


def test_steps_run_at_once_where_the_cluster_allows(aws: Aws, tmp_path: Path) -> None:
    cluster = aws.cluster(
        *(spark_step(*waits(tmp_path, each)) for each in "abc"), StepConcurrencyLevel=2
    )
    written(tmp_path / "a.pid")
    written(tmp_path / "b.pid")
    assert aws.states(cluster) == ["RUNNING", "RUNNING", "PENDING"]
    for each in "bac":
        (tmp_path / f"{each}.go").touch()
    aws.cluster_reaches(cluster, "WAITING")


def test_a_failure_says_why_and_lets_the_next_step_run(aws: Aws) -> None:
    cluster = aws.cluster(spark_step("/fail", "no", "good"), spark_step("/succeed"))
    aws.cluster_reaches(cluster, "WAITING")
    assert aws.states(cluster) == ["FAILED", "COMPLETED"]
    failed = aws.emr.list_steps(ClusterId=cluster, StepStates=["FAILED"])["Steps"][0]
    assert "ValueError: no good" in failed["Status"]["FailureDetails"]["Message"]
    assert "Exit code 3" in failed["Status"]["FailureDetails"]["Message"]


def test_a_failure_cancels_what_waits(aws: Aws) -> None:
    cluster = aws.cluster(spark_step("/fail", on_failure="CANCEL_AND_WAIT"), spark_step("/succeed"))
    aws.cluster_reaches(cluster, "WAITING")
    assert aws.states(cluster) == ["FAILED", "CANCELLED"]


def test_a_failure_terminates_the_cluster(aws: Aws) -> None:
    failing = spark_step("/fail", on_failure="TERMINATE_CLUSTER")
    cluster = aws.cluster(failing, spark_step("/succeed"))
    found = aws.cluster_reaches(cluster, "TERMINATED_WITH_ERRORS")
    assert found["Status"]["StateChangeReason"]["Code"] == "STEP_FAILURE"
    assert aws.states(cluster) == ["FAILED", "CANCELLED"]
    later = [spark_step("/succeed")]
    code, message = refused(aws.emr.add_job_flow_steps, JobFlowId=cluster, Steps=later)
    assert code == "ValidationException"
    assert "may not be modified" in message


def test_a_cluster_that_need_not_stay_ends_with_its_steps(aws: Aws) -> None:
    cluster = aws.cluster(spark_step("/succeed"), keep=False)
    found = aws.cluster_reaches(cluster, "TERMINATED")
    assert found["Status"]["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"
    assert found["AutoTerminate"]
    assert aws.states(cluster) == ["COMPLETED"]


def test_steps_are_cancelled(aws: Aws, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    cluster = aws.cluster()
    running, waiting = aws.add(cluster, spark_step("/stubborn", str(pids)), spark_step("/succeed"))
    started = written(pids).split()
    answers = aws.emr.cancel_steps(
        ClusterId=cluster,
        StepIds=[running, waiting, "s-NONE"],
        StepCancellationOption="SEND_INTERRUPT",
    )["CancelStepsInfoList"]
    assert [each["Status"] for each in answers] == ["SUBMITTED", "SUBMITTED", "FAILED"]
    assert aws.states(cluster) == ["CANCEL_PENDING", "CANCELLED"]
    assert aws.step_ended(cluster, running)["Status"]["State"] == "CANCELLED"
    assert not [pid for pid in started if Path(f"/proc/{pid}/cmdline").exists()]
    (again,) = aws.emr.cancel_steps(ClusterId=cluster, StepIds=[running])["CancelStepsInfoList"]
    assert again["Status"] == "FAILED"


def test_a_terminated_clusters_steps_end(aws: Aws, tmp_path: Path) -> None:
    cluster = aws.cluster(spark_step(*waits(tmp_path)), spark_step("/succeed"))
    pid = written(tmp_path / "a.pid")
    aws.emr.terminate_job_flows(JobFlowIds=[cluster])
    assert aws.cluster_state(cluster) == "TERMINATED"
    newest_first = aws.emr.list_steps(ClusterId=cluster)["Steps"]
    found = aws.step_ended(cluster, newest_first[-1]["Id"])
    assert found["Status"]["State"] == "INTERRUPTED"
    assert aws.states(cluster) == ["INTERRUPTED", "CANCELLED"]
    assert not Path(f"/proc/{pid}/cmdline").exists()


def test_a_protected_clusters_steps_go_on(aws: Aws, tmp_path: Path) -> None:
    cluster = aws.cluster(spark_step(*waits(tmp_path)))
    aws.emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=True)
    written(tmp_path / "a.pid")
    code, _ = refused(aws.emr.terminate_job_flows, JobFlowIds=[cluster])
    assert code == "ValidationException"
    (tmp_path / "a.go").touch()
    aws.cluster_reaches(cluster, "WAITING")
    assert aws.states(cluster) == ["COMPLETED"]


def test_masters_and_deploy_modes_of_clusters_are_taken(aws: Aws, tmp_path: Path) -> None:
    file = tmp_path / "properties"
    configurations = [
        {"Classification": "spark-defaults", "Properties": {"spark.a": "1", "spark.b": "1"}}
    ]
    cluster = aws.cluster(Configurations=configurations)
    options = ("--master", "yarn", "--deploy-mode", "cluster", "--conf", "spark.b=2")
    (step,) = aws.add(cluster, spark_step(*options, "/properties", str(file)))
    assert aws.step_ended(cluster, step)["Status"]["State"] == "COMPLETED"
    assert {"spark.a=1", "spark.b=2"} <= set(file.read_text().splitlines())


@pytest.mark.parametrize(
    ("jar", "arguments", "named"),
    [
        ("command-runner.jar", ["hive", "-f", "x"], "spark-submit"),
        ("command-runner.jar", [], "spark-submit"),
        ("command-runner.jar", ["spark-submit"], "application"),
        ("command-runner.jar", ["spark-submit", "--nonsense", "x", "/succeed"], "--nonsense"),
        ("s3://bucket/own.jar", [], "command-runner.jar"),
    ],
)
def test_what_cannot_run_is_refused(aws: Aws, jar: str, arguments: list[str], named: str) -> None:
    cluster = aws.cluster()
    step = {"Name": "s", "HadoopJarStep": {"Jar": jar, "Args": arguments}}
    code, message = refused(aws.emr.add_job_flow_steps, JobFlowId=cluster, Steps=[step])
    assert code == "ValidationException"
    assert named in message
    assert aws.states(cluster) == []
    code, _ = refused(aws.emr.run_job_flow, Name="c", Instances={}, Steps=[step])
    assert code == "ValidationException"


def test_what_is_not_there_is_said(aws: Aws) -> None:
    invalid, emr = "InvalidRequestException", aws.emr
    assert refused(emr.list_steps, ClusterId="j-1")[0] == invalid
    assert refused(emr.describe_cluster, ClusterId="j-1")[0] == invalid
    assert refused(emr.describe_step, ClusterId="j-1", StepId="s")[0] == invalid
    assert refused(emr.describe_step, ClusterId=aws.cluster(), StepId="s-1")[0] == invalid
    assert refused(emr.cancel_steps, ClusterId="j-1", StepIds=["s"])[0] == invalid
    gone = ("ValidationException", "Specified job flow ID does not exist.")
    assert refused(emr.add_job_flow_steps, JobFlowId="j-1", Steps=[spark_step("/x")]) == gone
    assert refused(emr.terminate_job_flows, JobFlowIds=["j-1"]) == gone


def test_steps_are_listed_by_page(aws: Aws) -> None:
    cluster = aws.cluster()
    blocker = spark_step("/fail", on_failure="CANCEL_AND_WAIT")
    ids = aws.add(cluster, blocker, *(spark_step("/succeed") for _ in range(59)))
    aws.cluster_reaches(cluster, "WAITING")
    pages = aws.emr.get_paginator("list_steps").paginate(ClusterId=cluster)
    assert [each["Id"] for page in pages for each in page["Steps"]] == ids[::-1]
    some = aws.emr.list_steps(ClusterId=cluster, StepIds=ids[:2])["Steps"]
    assert [each["Id"] for each in some] == [ids[1], ids[0]]


def test_clusters_are_listed(aws: Aws) -> None:
    cluster = aws.cluster()
    listed = aws.emr.list_clusters(ClusterStates=["WAITING"])["Clusters"]
    assert cluster in [each["Id"] for each in listed]


@pytest.mark.parametrize(
    "operation",
    [
        "AddJobFlowSteps",
        "CancelSteps",
        "DescribeStep",
        "ListSteps",
        "RunJobFlow",
        "TerminateJobFlows",
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"ClusterId": 1, "JobFlowId": {}, "JobFlowIds": 5, "Steps": "x", "Instances": []}',
        b'{"ClusterId": "j", "StepId": [], "StepStates": 5, "StepIds": 1, "JobFlowId": "j"}',
        b'{"Name": "c", "Instances": {}, "Steps": [1], "Configurations": [[]], "JobFlowIds": [1]}',
    ],
)
def test_nonsense_is_refused(aws: Aws, operation: str, body: bytes) -> None:
    answer = httpx.post(
        aws.url,
        content=body,
        headers={"X-Amz-Target": f"ElasticMapReduce.{operation}"},
        timeout=30,
        trust_env=False,
    )
    assert answer.status_code == 400
    assert answer.json()["__type"] == "ValidationException"
