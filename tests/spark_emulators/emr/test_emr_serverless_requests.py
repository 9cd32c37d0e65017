"""What EMR Serverless refuses, and in which words: applications, tokens, fields, errors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from emr_jobs import RELEASE, ROLE, Aws

DRIVER = {"sparkSubmit": {"entryPoint": "/succeed"}}
OUTSIDE = {"timeout": 30, "trust_env": False}


def post(aws: Aws, path: str, body: Any, **options: Any) -> httpx.Response:
    """A request of no SDK, and unsigned."""
    options |= {"json": body} if not isinstance(body, bytes) else {"content": body}
    return httpx.post(f"{aws.url}{path}", **OUTSIDE, **options)


def job(**change: Any) -> dict[str, Any]:
    body = {"clientToken": "t", "executionRoleArn": ROLE, "jobDriver": DRIVER} | change
    return {key: value for key, value in body.items() if value is not None}


def submit_with(parameters: str) -> dict[str, Any]:
    return {"sparkSubmit": {"entryPoint": "/succeed", "sparkSubmitParameters": parameters}}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"clientToken": None}, "clientToken"),
        ({"clientToken": ""}, "clientToken"),
        ({"clientToken": "x" * 65}, "clientToken"),
        ({"clientToken": "a b"}, "clientToken"),
        ({"clientToken": "a\n"}, "clientToken"),
        ({"executionRoleArn": None}, "executionRoleArn"),
        ({"executionRoleArn": "me"}, "executionRoleArn"),
        ({"jobDriver": None}, "jobDriver"),
        ({"jobDriver": {}}, "jobDriver.sparkSubmit"),
        ({"jobDriver": {"sparkSubmit": {}}}, "jobDriver.sparkSubmit.entryPoint"),
        ({"jobDriver": {"sparkSubmit": {"entryPoint": " "}}}, "jobDriver.sparkSubmit.entryPoint"),
        ({"jobDriver": {"hive": {"query": "q"}}}, "jobDriver.hive"),
        ({"jobDriver": submit_with("--master yarn")}, "--master"),
        ({"jobDriver": submit_with("--deploy-mode cluster")}, "--deploy-mode"),
        ({"jobDriver": submit_with("--conf spark.master=yarn")}, "spark.master"),
        ({"jobDriver": submit_with("--conf nothing")}, "--conf"),
        ({"jobDriver": submit_with("--jars 'x")}, "sparkSubmitParameters"),
        ({"jobDriver": submit_with("--jars")}, "--jars"),
        ({"jobDriver": submit_with("stray")}, "stray"),
        ({"jobDriver": {"sparkSubmit": {"entryPoint": "a\0b"}}}, "entryPoint"),
        ({"executionTimeoutMinutes": -1}, "executionTimeoutMinutes"),
        ({"executionTimeoutMinutes": 3}, "executionTimeoutMinutes"),
        ({"executionTimeoutMinutes": 1_000_001}, "executionTimeoutMinutes"),
        ({"retryPolicy": {"maxAttempts": 0}}, "retryPolicy.maxAttempts"),
        ({"retryPolicy": {"maxAttempts": 11}}, "retryPolicy.maxAttempts"),
        ({"retryPolicy": {"maxFailedAttemptsPerHour": 2}}, "maxFailedAttemptsPerHour"),
        ({"mode": "STREAMING", "retryPolicy": {"maxAttempts": 2}}, "retryPolicy.maxAttempts"),
        ({"mode": "SOMETIMES"}, "mode"),
        (
            {
                "configurationOverrides": {
                    "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "x"}}
                }
            },
            "logUri",
        ),
    ],
)
def test_a_wrong_field_is_named(
    aws: Aws, application: str, change: dict[str, Any], named: str
) -> None:
    answer = post(aws, f"/applications/{application}/jobruns", job(**change))
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "ValidationException"
    assert named in answer.json()["message"]
    assert aws.serverless.list_job_runs(applicationId=application)["jobRuns"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"1"])
def test_a_body_that_is_no_object_is_refused(aws: Aws, application: str, body: bytes) -> None:
    answer = post(aws, f"/applications/{application}/jobruns", body)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_a_message_quotes_no_configuration(aws: Aws, application: str) -> None:
    secret = "swordfish-0123"
    wrong = {
        "applicationConfiguration": [
            {"classification": "spark-defaults", "properties": {"spark.x": [secret]}}
        ]
    }
    answer = post(aws, f"/applications/{application}/jobruns", job(configurationOverrides=wrong))
    assert answer.status_code == 400
    assert secret not in answer.text


def test_the_same_request_twice_is_one_run(aws: Aws, application: str) -> None:
    first = aws.submit(application, "/succeed", clientToken="once")
    assert aws.submit(application, "/succeed", clientToken="once") == first
    aws.ended(application, first)
    assert aws.submit(application, "/succeed", clientToken="once") == first
    assert aws.submit(application, "/succeed") != first
    with pytest.raises(aws.serverless.exceptions.ConflictException) as caught:
        aws.submit(application, "/fail", clientToken="once")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_one_request_sent_by_many_at_once_is_one_run(aws: Aws, application: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = pool.map(
            lambda _: aws.submit(application, "/succeed", clientToken="once"), range(16)
        )
        assert len(set(runs)) == 1
    assert len(aws.serverless.list_job_runs(applicationId=application)["jobRuns"]) == 1


def test_a_token_of_a_refused_request_is_free(aws: Aws, application: str) -> None:
    with pytest.raises(aws.serverless.exceptions.ValidationException):
        aws.submit(application, "/succeed", clientToken="t", executionTimeoutMinutes=1)
    assert aws.submit(application, "/succeed", clientToken="t")


def test_tokens_of_different_applications_have_nothing_to_do_with_each_other(aws: Aws) -> None:
    runs = {aws.submit(aws.application(), "/succeed", clientToken="t") for _ in range(2)}
    assert len(runs) == 2


def test_the_same_application_twice_is_one(aws: Aws) -> None:
    assert aws.application(clientToken="a-1") == aws.application(clientToken="a-1")
    with pytest.raises(aws.serverless.exceptions.ConflictException):
        aws.application(clientToken="a-1", name="another")
    with pytest.raises(aws.serverless.exceptions.ValidationException, match="clientToken"):
        aws.application(clientToken="a b")
    with pytest.raises(aws.serverless.exceptions.ValidationException, match="queueTimeoutMinutes"):
        aws.application(schedulerConfiguration={"queueTimeoutMinutes": 1})


def test_what_is_not_there_is_not_found(aws: Aws, application: str) -> None:
    missing = aws.serverless.exceptions.ResourceNotFoundException
    client, nowhere = aws.serverless, "00nowhere"
    for call in (
        lambda: aws.submit(nowhere, "/succeed"),
        lambda: aws.run(nowhere, "x"),
        lambda: aws.run(application, nowhere),
        lambda: client.cancel_job_run(applicationId=application, jobRunId=nowhere),
        lambda: client.list_job_run_attempts(applicationId=application, jobRunId=nowhere),
        lambda: client.get_application(applicationId=nowhere),
        lambda: client.start_application(applicationId=nowhere),
        lambda: client.stop_application(applicationId=nowhere),
    ):
        with pytest.raises(missing) as caught:
            call()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_run_of_another_application_is_not_found(aws: Aws, application: str) -> None:
    run = aws.submit(application, "/succeed")
    with pytest.raises(aws.serverless.exceptions.ResourceNotFoundException):
        aws.run(aws.application(), run)


def test_an_application_lives_as_documented(aws: Aws) -> None:
    client, application = aws.serverless, aws.application()

    def state() -> str:
        found: str = client.get_application(applicationId=application)["application"]["state"]
        return found

    assert state() == "CREATED"
    aws.ended(application, aws.submit(application, "/succeed"))
    assert state() == "STARTED"
    client.stop_application(applicationId=application)
    assert state() == "STOPPED"
    client.update_application(
        applicationId=application, schedulerConfiguration={"maxConcurrentRuns": 2}
    )
    client.start_application(applicationId=application)
    assert state() == "STARTED"
    client.stop_application(applicationId=application)
    client.delete_application(applicationId=application)
    with pytest.raises(client.exceptions.ValidationException, match="TERMINATED"):
        aws.submit(application, "/succeed")
    listed = client.list_applications()["applications"]
    assert application in [each["id"] for each in listed]


def test_an_application_that_does_not_start_itself_is_started_first(aws: Aws) -> None:
    application = aws.application(autoStartConfiguration={"enabled": False})
    with pytest.raises(aws.serverless.exceptions.ValidationException, match="autoStart"):
        aws.submit(application, "/succeed")
    aws.serverless.start_application(applicationId=application)
    assert aws.ended(application, aws.submit(application, "/succeed"))["state"] == "SUCCESS"


def test_an_application_of_hive_runs_no_spark(aws: Aws) -> None:
    application = aws.application(type="HIVE")
    with pytest.raises(aws.serverless.exceptions.ValidationException, match="Hive"):
        aws.submit(application, "/succeed")


class TestWithoutSpark:
    @pytest.fixture
    def config(self, config: dict[str, Any]) -> dict[str, Any]:
        return {**config, "spark_home": None, "spark_homes": {RELEASE: config["spark_home"]}}

    def test_a_release_that_is_not_here_is_refused(self, aws: Aws) -> None:
        here, gone = aws.application(), aws.application(releaseLabel="emr-6.15.0")
        with pytest.raises(aws.serverless.exceptions.ValidationException, match="emr-6"):
            aws.submit(gone, "/succeed")
        assert aws.ended(here, aws.submit(here, "/succeed"))["state"] == "SUCCESS"


def test_what_is_not_emulated_says_so(aws: Aws, application: str) -> None:
    answer = post(aws, f"/applications/{application}/sessions", {})
    assert answer.status_code == 404
    assert "not emulated" in answer.json()["message"]
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"


def test_roles_of_jobs_are_motos(aws: Aws) -> None:
    from emr_jobs import client

    sts = client("sts", aws.url)
    assert sts.get_caller_identity()["Account"] == "123456789012"
    sts.close()


def test_readiness_is_told(aws: Aws) -> None:
    assert httpx.get(f"{aws.url}/healthz", **OUTSIDE).json() == {"status": "ok"}
