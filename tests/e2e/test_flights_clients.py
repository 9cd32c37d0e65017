"""The flights analysis by stock clients, each with nothing but the URL of the Gateway's Connect."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from clients import CLIENTS, python_with
from flights_stores import EXAMPLE, upload
from gateway_replicas import Replica
from gateway_stacks import gateway_stack

from requirements import need
from spark_testkit.resources import resource

BUCKET = "flights-raw"
OLD = pytest.mark.skipif(sys.version_info >= (3, 12), reason="Spark 3.5 knows no newer Python")
TIMEOUT_S = 400
# a first run fetches plugins and the client
MAVEN_TIMEOUT_S = 600


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    name = f"flights-{secrets.token_hex(3)}"
    with gateway_stack(name, tmp_path_factory.mktemp("stack"), warm={}) as site:
        upload(site.exports, BUCKET)
        yield site


@pytest.fixture
def tls_only(site, tmp_path):
    """The door of a replica that takes no other connections."""
    pki = site.folder / "gateway"
    replica = Replica(
        *(site, tmp_path / "replica.json"),
        tls_port=None,
        certificate=str(pki / "certificate.pem"),
        key=str(pki / "key.pem"),
    )
    yield f"sc://localhost:{replica.port}"
    replica.kill()


# Spark 3.5 takes a token to be a wish for TLS
@pytest.mark.parametrize(
    ("client", "door"),
    [
        pytest.param("pyspark 3.5", "SPARK_GATEWAY_CONNECT_TLS", marks=OLD),
        ("pyspark 4.1", "SPARK_GATEWAY_CONNECT"),
        ("pyspark-client 4.1", "TLS only"),
    ],
)
def test_python(site, tmp_path, request, client, door):
    if door == "TLS only":
        remote = site.remote("ana", request.getfixturevalue("tls_only"), use_ssl="true")
    else:
        remote = site.remote("ana", site.exports[door])
    python = python_with(tmp_path / "venv", *CLIENTS[client])
    schema = f"unity.{client.translate(str.maketrans(' .-', '___'))}"
    report = tmp_path / "report.json"
    told = ("--raw", f"s3a://{BUCKET}", "--schema", schema, "--report", str(report))
    done = subprocess.run(
        [python, "-m", "coreetl_flights.job", *told],
        env={
            **os.environ,
            "SPARK_REMOTE": remote,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": site.exports["SPARK_GATEWAY_CA"],
            "PYTHONPATH": str(EXAMPLE),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(report.read_text())
    assert found["flights_by_origin"] == {"EWR": 120_835, "JFK": 111_279, "LGA": 104_662}
    assert found["tables"][f"{schema}.daily_delays"]["rows"] == 3 * 365
    assert found["correction"] == {
        "late_rows": 8, "cancelled_before": 8255, "cancelled_after": 8247,
    }  # fmt: skip


def test_java(site, tmp_path, monkeypatch):
    how = "install maven and openjdk-17-jdk-headless"
    need("maven", bool(shutil.which("mvn") and shutil.which("javac")), how)
    repository = tmp_path / "flights"
    source = repository / "src" / "test" / "java" / "example"
    source.mkdir(parents=True)
    shutil.copy(resource("examples/connect_jvm") / "pom.xml", repository)
    shutil.copy(Path(__file__).with_name("FlightsTest.java"), source)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    from coreetl_flights.job import MERGE
    from coreetl_flights.schemas import RAW

    told = {f"FLIGHTS_{name.upper()}": columns for name, columns in RAW.items()}
    told |= {"FLIGHTS_RAW": f"s3a://{BUCKET}", "FLIGHTS_MERGE": MERGE}
    done = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "test"],
        cwd=repository,
        env={**os.environ, **told, "SPARK_REMOTE": site.remote("ana")},
        capture_output=True,
        text=True,
        timeout=MAVEN_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    (path,) = repository.glob("target/surefire-reports/*.xml")
    report = ElementTree.parse(path).getroot()
    assert (report.get("tests"), report.get("failures"), report.get("errors")) == ("1", "0", "0")
