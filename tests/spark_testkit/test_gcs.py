"""Google Cloud Storage: Spark writes and reads it through Google's own connector."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from requirements import need
from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import Missing
from spark_platform.kernel.process import ProcessId
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.connect import end_session, open_session
from spark_testkit.ports import free_ports
from spark_testkit.programs import FAKE_GCS_SERVER
from spark_testkit.service import Place, PlanContext, ServiceRequest
from spark_testkit.services import gcs
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

HOW = "`make gcs`, and for containers `spark-testkit images build`"


def planned(settings, **fields):
    return gcs.SERVICE.plan(
        PlanContext(
            request=ServiceRequest.of("gcs"),
            folder=Path("/stack/services/gcs"),
            stack_folder=Path("/stack"),
            ports={"api": 4443},
            secrets={},
            peers={},
            settings=settings,
            **fields,
        )
    )


def test_clients_here_and_in_the_stack_know_it_by_their_own_names(settings):
    place = Place(listen="0.0.0.0", host="gcs", container=True)
    spec = planned(settings, place=place, published={"api": 40000})
    assert spec.exports["STORAGE_EMULATOR_HOST"] == "http://localhost:40000"
    assert spec.for_peers()["STORAGE_EMULATOR_HOST"] == "http://gcs:4443"
    assert (spec.ports, spec.listens, spec.image) == ({"api": 40000}, {"api": 4443}, gcs.IMAGE)


def test_without_the_program_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="fake-gcs-server") as refused:
        planned(Settings(tmp_path, tmp_path))
    assert "make gcs" in refused.value.hint


def test_what_does_not_answer_is_not_ready():
    with pytest.raises(NotYet, match="refused"):
        gcs.GcsReadiness(f"http://127.0.0.1:{free_ports(1)[0]}").check()


@pytest.fixture
def stack(settings, provider):
    need("gcs", _is_here(settings, provider), HOW)
    with Stack("google", settings=settings, provider=provider) as stack:
        yield stack


def _is_here(settings, provider):
    if provider == "process":
        return FAKE_GCS_SERVER.find(settings) is not None
    with Daemon() as daemon:
        return gcs.IMAGE in daemon.images()


def make_bucket(exports, name):
    httpx.post(
        f"{exports['STORAGE_EMULATOR_HOST']}/storage/v1/b",
        params={"project": exports["GOOGLE_CLOUD_PROJECT"]},
        json={"name": name},
        trust_env=False,
    ).raise_for_status()


def names_in(exports, bucket):
    answer = httpx.get(
        f"{exports['STORAGE_EMULATOR_HOST']}/storage/v1/b/{bucket}/o", trust_env=False
    )
    return {each["name"] for each in answer.raise_for_status().json().get("items", [])}


def test_spark_writes_and_reads_it(stack):
    exports = stack.up("gcs", "spark-connect")
    store = exports["gcs"]
    make_bucket(store, "lake")
    spark = open_session(exports["spark-connect"]["SPARK_REMOTE"])
    try:
        written = spark.range(1000).selectExpr("id", "id % 7 AS day")
        written.write.partitionBy("day").parquet("gs://lake/days")
        # to replace a folder is to rename and delete
        written.where("day < 3").write.mode("overwrite").parquet("gs://lake/days")
        read = spark.read.parquet("gs://lake/days")
        assert {tuple(row) for row in read.collect()} == {
            (number, number % 7) for number in range(1000) if number % 7 < 3
        }
        with pytest.raises(Exception, match=r"lack|bucket"):
            written.write.parquet("gs://lack/days")
    finally:
        end_session(spark)
    names = names_in(store, "lake")
    assert "days/_SUCCESS" in names
    assert not [name for name in names if "_temporary" in name]


@pytest.mark.parametrize("provider", ["process"], indirect=True)
def test_one_that_was_killed_comes_back_with_its_objects(stack):
    store = stack.up("gcs")["gcs"]
    make_bucket(store, "lake")
    httpx.post(
        f"{store['STORAGE_EMULATOR_HOST']}/upload/storage/v1/b/lake/o",
        params={"uploadType": "media", "name": "a/b"},
        content=b"kept",
        trust_env=False,
    ).raise_for_status()
    process: ProcessId = stack._folder.processes()["gcs"]
    os.kill(process.pid, signal.SIGKILL)

    def failed():
        (status,) = stack.status()
        if status.state != "failed":
            raise NotYet(status.state)

    poll(failed, what="the kill to be noticed", timeout_s=30)
    assert stack.up("gcs")["gcs"] == store
    assert names_in(store, "lake") == {"a/b"}
