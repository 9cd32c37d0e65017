"""A run's services: which requests it makes, what it remembers, what it shows."""

import os

import pytest

from spark_fixtures.options import Options
from spark_fixtures.run import Run
from spark_fixtures.services import S3Server, SparkServer, UnityCatalogServer
from spark_platform.kernel.errors import InvalidInput, Terminal
from spark_testkit.service import ServiceRequest

SECRET = "swordfish-0123456789"


def run(**options) -> Run:
    return Run(Options(**options), "pytest-x", os.getpid(), None)


def test_the_default_engine_by_any_name_is_the_shared_server():
    shared = run().spark_request()
    assert shared.name == "spark-connect"
    assert run().spark_request("4.1") == run(engine="4.1").spark_request() == shared
    assert run(engine="4.1").spark_request("4.0") == run().spark_request("4.0") != shared


def test_a_servers_configuration_is_the_runs_and_then_the_tests():
    here = run(conf=(("spark.a", "run"), ("spark.b", "run")))
    one = here.private_spark_request(None, {"spark.b": "test"})
    other = here.private_spark_request(None, {})
    assert one.options["conf"] == {"spark.a": "run", "spark.b": "test"}
    assert one.name != other.name != here.spark_request().name


def test_an_unknown_engine_is_refused():
    with pytest.raises(InvalidInput, match=r"'9\.9' is not known"):
        run().spark_request("9.9")


def test_a_remote_server_is_the_one_there_is():
    with pytest.raises(InvalidInput, match=r"engine '3\.5' cannot be had from provider remote"):
        run(provider="remote").spark_request("3.5")
    with pytest.raises(InvalidInput, match="isolation='server' cannot be had"):
        run(provider="remote").private_spark_request(None, {})


def test_what_cannot_start_is_not_started_for_every_test(monkeypatch):
    tried = []

    def obtain(self, request):
        tried.append(request.name)
        raise Terminal("it does not start")

    monkeypatch.setattr(Run, "_obtain", obtain)
    here = run()
    for _ in range(3):
        with pytest.raises(Terminal, match="it does not start"):
            here.exports(ServiceRequest.of("s3"))
    assert tried == ["s3"]


def test_a_server_that_died_is_obtained_again(monkeypatch):
    answers = [{"spark-connect": {"SPARK_REMOTE": f"sc://localhost:{port}"}} for port in (1, 2)]
    monkeypatch.setattr(Run, "_obtain", lambda self, request: answers.pop(0))
    here = run()
    request = ServiceRequest.of("spark-connect")
    first = here.exports(request)["SPARK_REMOTE"]
    assert here.exports(request)["SPARK_REMOTE"] == first
    assert here.lost("sc://localhost:77") == ""
    assert here.exports(request)["SPARK_REMOTE"] == first
    here.lost(first)
    assert here.exports(request)["SPARK_REMOTE"] == "sc://localhost:2"


def test_the_header_keeps_the_token_to_itself(monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", f"sc://spark.example:15002/;use_ssl=true;token={SECRET}")
    header = run(provider="remote").header()
    assert "sc://spark.example:15002/" in header
    assert SECRET not in header


def test_the_header_survives_a_folder_it_cannot_read(monkeypatch, tmp_path):
    (tmp_path / "state").write_text("a file, not a folder")
    monkeypatch.setenv("SPARK_TESTKIT_STATE_DIR", str(tmp_path / "state"))
    assert "cold" in run(reuse=True).header()


def test_no_secret_is_in_a_failures_values():
    s3 = S3Server("http://localhost:1", "user", SECRET, "us-east-1")
    catalog = UnityCatalogServer("http://localhost:2", "http://localhost:2/i", "unity", s3)
    spark = SparkServer(f"sc://localhost:3/;token={SECRET}")
    assert SECRET not in f"{s3!r} {catalog!r} {spark!r}"


def test_lineage_is_an_option_of_every_spark():
    requests = (Run.spark_request, Run.emr_request, Run.gateway_request)
    assert [ask(run(lineage=True)).options.get("lineage") for ask in requests] == [True] * 3
    assert not any("lineage" in ask(run()).options for ask in requests)
