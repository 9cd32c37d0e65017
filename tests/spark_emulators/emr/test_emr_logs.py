"""Job logs in a real S3 server."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from emr_jobs import BUCKET, Aws, s3_settings, spark_step

from spark_testkit.services import s3


@pytest.fixture
def config(config: dict[str, Any], store: dict[str, str]) -> dict[str, Any]:
    return {**config, "s3": s3_settings(store)}


@pytest.fixture
def read(store: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """Reads a compressed log."""
    client = s3.client(store)

    def text(key: str) -> str:
        body = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return gzip.decompress(body).decode()

    yield text
    client.close()


def logging_to(uri: str) -> dict[str, Any]:
    return {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": uri}}}


def test_a_drivers_logs_are_there_when_its_run_has_ended(
    aws: Aws, application: str, read: Callable[[str], str], tmp_path: Path
) -> None:
    run = aws.submit(
        application,
        "/flaky",
        str(tmp_path / "n"),
        "2",
        retryPolicy={"maxAttempts": 2},
        configurationOverrides=logging_to(f"s3://{BUCKET}/deep/er/"),
    )
    assert aws.ended(application, run)["state"] == "SUCCESS"
    prefix = f"deep/er/applications/{application}/jobs/{run}"
    assert "IOError: try 1" in read(f"{prefix}/SPARK_DRIVER/stderr.gz")
    assert read(f"{prefix}/SPARK_DRIVER/stdout.gz").startswith("application /flaky")
    assert read(f"{prefix}/attempts/2/SPARK_DRIVER/stderr.gz") == ""


def test_an_applications_store_is_its_runs(aws: Aws, read: Callable[[str], str]) -> None:
    monitoring = logging_to(f"s3://{BUCKET}")["monitoringConfiguration"]
    application = aws.application(monitoringConfiguration=monitoring)
    run = aws.submit(application, "/fail", "no")
    assert aws.ended(application, run)["state"] == "FAILED"
    key = f"applications/{application}/jobs/{run}/SPARK_DRIVER/stderr.gz"
    assert "ValueError: no" in read(key)


def test_a_steps_logs_are_there_when_it_has_ended(aws: Aws, read: Callable[[str], str]) -> None:
    cluster = aws.cluster(LogUri=f"s3n://{BUCKET}/clusters/")
    (step,) = aws.add(cluster, spark_step("/fail", "no"))
    found = aws.step_ended(cluster, step)
    prefix = f"clusters/{cluster}/steps/{step}"
    log_file = found["Status"]["FailureDetails"]["LogFile"]
    assert log_file == f"s3n://{BUCKET}/{prefix}/stderr.gz"
    assert "ValueError: no" in read(f"{prefix}/stderr.gz")
    assert "application /fail" in read(f"{prefix}/stdout.gz")
    assert "spark-submit /fail" in read(f"{prefix}/controller.gz")


@pytest.mark.parametrize(("entry_point", "state"), [("/succeed", "SUCCESS"), ("/fail", "FAILED")])
def test_a_bucket_that_is_not_there_costs_no_verdict(
    aws: Aws, application: str, caplog: pytest.LogCaptureFixture, entry_point: str, state: str
) -> None:
    overrides = logging_to("s3://no-such-bucket/x")
    run = aws.submit(application, entry_point, configurationOverrides=overrides)
    assert aws.ended(application, run)["state"] == state
    assert "could not be written to s3://no-such-bucket/x" in caplog.text
    assert "NoSuchBucket" in caplog.text
