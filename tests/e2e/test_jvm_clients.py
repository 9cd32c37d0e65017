"""Java and Scala: a Maven repository whose tests use the same image."""

import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from requirements import need
from spark_platform.kernel.process import run

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "connect_jvm"
# each test ends its container; and neither the image of Testcontainers' reaper nor that of its
# look-out for the host, which it starts where it takes itself to be in a container, has to be there
TESTCONTAINERS = {
    "TESTCONTAINERS_RYUK_DISABLED": "true",
    "TESTCONTAINERS_HOST_OVERRIDE": "localhost",
}
# a first run fetches Maven's plugins and the client
TIMEOUT_S = 290


@pytest.fixture
def repository(tmp_path):
    """A copy: Maven writes beside its sources."""
    how = "install maven and openjdk-17-jdk-headless"
    need("maven", bool(shutil.which("mvn") and shutil.which("javac")), how)
    return shutil.copytree(
        EXAMPLE, tmp_path / "connect_jvm", ignore=shutil.ignore_patterns("target")
    )


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
