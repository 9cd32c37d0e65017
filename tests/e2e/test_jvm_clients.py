"""Java and Scala: a Maven repository whose tests use the same image, or a stack."""

import os
import secrets
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from stacks import USER_CACHE

from requirements import need
from spark_platform.kernel.process import run
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "connect_jvm"
# each test ends its container; and neither the image of Testcontainers' reaper nor that of its
# look-out for the host, which it starts where it takes itself to be in a container, has to be there
TESTCONTAINERS = {
    "TESTCONTAINERS_RYUK_DISABLED": "true",
    "TESTCONTAINERS_HOST_OVERRIDE": "localhost",
}
# the released client, which is told all it knows by its URL
CLIENT_TEST = """
package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

class ClientTest {
  @Test
  void aTableIsWrittenAndRead() throws Exception {
    try (SparkSession spark =
        SparkSession.builder().remote(System.getenv("SPARK_REMOTE")).getOrCreate()) {
      spark.sql("CREATE SCHEMA IF NOT EXISTS unity.shop");
      spark.createDataset(List.of(10L, 20L, 30L), Encoders.LONG()).toDF("amount")
          .writeTo("unity.shop.orders").createOrReplace();
      assertEquals(
          60L, spark.sql("SELECT sum(amount) FROM unity.shop.orders").first().getLong(0));
      assertThrows(AnalysisException.class, () -> spark.table("not_there").count());
    }
  }
}
"""
# a first run fetches Maven's plugins and the client
TIMEOUT_S = 600


@pytest.fixture
def repository(tmp_path):
    """A copy: Maven writes beside its sources."""
    how = "install maven and openjdk-17-jdk-headless"
    need("maven", bool(shutil.which("mvn") and shutil.which("javac")), how)
    return shutil.copytree(
        EXAMPLE, tmp_path / "connect_jvm", ignore=shutil.ignore_patterns("target")
    )


@pytest.fixture
def remote(tmp_path):
    """The URL of a stack's server."""
    settings = Settings(tmp_path / "state", USER_CACHE)
    with Stack(f"jvm-{secrets.token_hex(3)}", settings=settings) as stack:
        stack.up("spark-connect")
        yield stack.env()["SPARK_REMOTE"]


def test_a_java_client_works(repository, remote):
    shutil.rmtree(repository / "src" / "test")
    source = repository / "src" / "test" / "java" / "example" / "ClientTest.java"
    source.parent.mkdir(parents=True)
    source.write_text(CLIENT_TEST)
    run(
        ["mvn", "--quiet", "--batch-mode", "test"],
        cwd=repository,
        env={**os.environ, "SPARK_REMOTE": remote},
        timeout_s=TIMEOUT_S,
        dies_with_caller=True,
    )
    (path,) = repository.glob("target/surefire-reports/*.xml")
    report = ElementTree.parse(path).getroot()
    assert (report.get("tests"), report.get("failures"), report.get("errors")) == ("1", "0", "0")


def test_java_and_scala_tests_pass_on_the_image(repository, docker_stack_images, containers):
    run(
        ["mvn", "--quiet", "--batch-mode", "test"],
        cwd=repository,
        env={**os.environ, **TESTCONTAINERS},
        timeout_s=TIMEOUT_S,
        dies_with_caller=True,
    )
    reports = [
        ElementTree.parse(path).getroot()
        for path in sorted(repository.glob("target/surefire-reports/*.xml"))
    ]
    assert [report.get("name") for report in reports] == [
        "example.OrdersInScalaTest",
        "example.OrdersTest",
    ]
    assert [(report.get("tests"), report.get("failures")) for report in reports] == [("1", "0")] * 2
    java = {"label": "org.testcontainers.lang=java"}
    assert containers.client.containers.list(all=True, filters=java) == []
