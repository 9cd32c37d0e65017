"""The real engine: Spark runs what boto3 submits."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from emr_jobs import BUCKET, TIMEOUT_S, Aws, gone, s3_settings, spark_step

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.engine import Engine, install
from spark_testkit.services import s3
from spark_testkit.settings import Settings

FAILING = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.conf.get("spark.sql.shuffle.partitions") == "3"
assert spark.sparkContext.master == "local[2]"
spark.sql("SELECT 1 / 0").collect()
"""


# tells its own workers' ids too, which are in process groups of their own
BUSY = """
import os, sys, time
from pyspark.sql import SparkSession

# not a worker's own
prefix = sys.argv[1]

def work(_):
    with open(prefix + "." + str(os.getpid()), "w") as file:
        file.write("runs\\n")
    time.sleep(600)

context = SparkSession.builder.getOrCreate().sparkContext
context.parallelize(range(2), 2).foreach(work)
"""
COUNTING = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(7).write.parquet(sys.argv[1])
print("rows:", spark.read.parquet(sys.argv[1].replace("s3://", "s3a://")).count())
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return install(None, Settings.from_env(os.environ))


@pytest.fixture
def home(engine: Engine) -> Path:
    return engine.spark_home


@pytest.fixture
def config(config: dict[str, Any], home: Path) -> dict[str, Any]:
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    return {**config, "spark_home": str(home), "environment": {"SPARK_SUBMIT_OPTS": quick}}


def test_pi_is_computed(
    aws: Aws, application: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of a shell that speaks to a stack
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost:1")
    monkeypatch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")
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


def test_a_server_that_is_killed_leaves_no_worker(
    start_server: Callable[[], Any], tmp_path: Path
) -> None:
    (tmp_path / "job.py").write_text(BUSY)
    server = start_server()
    application = server.aws.application()
    server.aws.submit(application, str(tmp_path / "job.py"), str(tmp_path / "worker"))

    def both_work() -> list[Path]:
        found = list(tmp_path.glob("worker.*"))
        if len(found) < 2:
            raise NotYet(f"{len(found)} do")
        return found

    workers = poll(both_work, what="two Python workers", timeout_s=TIMEOUT_S)
    pids = [str(each.pid) for each in psutil.Process(server.process.pid).children(recursive=True)]
    assert {each.name.rpartition(".")[2] for each in workers} <= set(pids)
    server.stop(signal.SIGKILL)
    gone(pids)


class TestOnS3:
    @pytest.fixture
    def config(
        self, config: dict[str, Any], engine: Engine, store: dict[str, str]
    ) -> dict[str, Any]:
        beside = [str(jar) for jar in engine.jars if not jar.is_relative_to(engine.spark_home)]
        keys = s3_settings(store)
        defaults = {
            "spark.driver.extraClassPath": os.pathsep.join(beside),
            "spark.hadoop.fs.s3a.endpoint": keys["endpoint_url"],
            "spark.hadoop.fs.s3a.endpoint.region": keys["region"],
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.access.key": keys["access_key"],
            "spark.hadoop.fs.s3a.secret.key": keys["secret_key"],
        }
        return {**config, "s3": keys, "spark_defaults": defaults}

    def test_program_data_and_logs_are_on_s3(
        self, aws: Aws, application: str, store: dict[str, str]
    ) -> None:
        client = s3.client(store)
        client.put_object(Bucket=BUCKET, Key="job.py", Body=COUNTING.encode())
        monitoring = {"s3MonitoringConfiguration": {"logUri": f"s3://{BUCKET}/l"}}
        run = aws.submit(
            application,
            f"s3://{BUCKET}/job.py",
            f"s3://{BUCKET}/rows",
            configurationOverrides={"monitoringConfiguration": monitoring},
        )
        found = aws.ended(application, run)
        assert found["state"] == "SUCCESS", found["stateDetails"]
        key = f"l/applications/{application}/jobs/{run}/SPARK_DRIVER/stdout.gz"
        log = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert "rows: 7" in gzip.decompress(log).decode()
        client.close()
