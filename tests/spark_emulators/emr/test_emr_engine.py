"""The real engine: Spark runs what boto3 submits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from emr_jobs import Aws, spark_step

from spark_testkit.engine import install
from spark_testkit.settings import Settings

FAILING = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.conf.get("spark.sql.shuffle.partitions") == "3"
assert spark.sparkContext.master == "local[2]"
spark.sql("SELECT 1 / 0").collect()
"""


@pytest.fixture(scope="module")
def home() -> Path:
    return install(None, Settings.from_env(os.environ)).spark_home


@pytest.fixture
def config(config: dict[str, Any], home: Path) -> dict[str, Any]:
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    return {**config, "spark_home": str(home), "environment": {"SPARK_SUBMIT_OPTS": quick}}


def test_pi_is_computed(aws: Aws, application: str, home: Path) -> None:
    pi = home / "examples" / "src" / "main" / "python" / "pi.py"
    run = aws.submit(application, f"file://{pi}", "2", parameters="--conf spark.driver.memory=512m")
    found = aws.ended(application, run)
    assert found["state"] == "SUCCESS", found["stateDetails"]
    assert found["totalExecutionDurationSeconds"] >= 1


def test_an_exception_of_spark_is_told(aws: Aws, application: str, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.write_text(FAILING)
    properties = {"spark.sql.shuffle.partitions": "3"}
    defaults = [{"classification": "spark-defaults", "properties": properties}]
    run = aws.submit(
        application, str(job), configurationOverrides={"applicationConfiguration": defaults}
    )
    found = aws.ended(application, run)
    assert found["state"] == "FAILED"
    assert "ExitCode: 1." in found["stateDetails"]
    assert "DIVIDE_BY_ZERO" in found["stateDetails"]


def test_a_step_computes_pi(aws: Aws, home: Path) -> None:
    pi = home / "examples" / "src" / "main" / "python" / "pi.py"
    cluster = aws.cluster(spark_step("--deploy-mode", "cluster", str(pi), "2"), keep=False)
    aws.cluster_reaches(cluster, "TERMINATED")
    assert aws.states(cluster) == ["COMPLETED"]
