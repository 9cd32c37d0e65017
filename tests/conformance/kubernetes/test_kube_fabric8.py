"""fabric8, the client of Spark and of Java operators, unmodified: a Maven project's own tests."""

import os
import secrets
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from kube_widgets import definition

from requirements import need
from spark_platform.kernel.process import run

PROJECT = Path(__file__).with_name("fabric8")
# a first run fetches Maven's plugins and the client
TIMEOUT_S = 290


@pytest.fixture
def group(api):
    """An API group with widgets in it."""
    group = f"f{secrets.token_hex(4)}.example.com"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    answer = api.http.post(definitions, json=definition(group))
    assert answer.status_code == 201, answer.text
    api.eventually(api.path("widgets", group=f"{group}/v1"), bool)
    yield group
    api.http.delete(f"{definitions}/{answer.json()['metadata']['name']}")


@pytest.fixture
def project(tmp_path):
    """A copy: Maven writes beside its sources."""
    how = "install maven and openjdk-17-jdk-headless"
    need("maven", bool(shutil.which("mvn") and shutil.which("javac")), how)
    return shutil.copytree(PROJECT, tmp_path / "fabric8", ignore=shutil.ignore_patterns("target"))


def test_its_tests_pass(project, api, node_image, group):
    run(
        ["mvn", "--quiet", "--batch-mode", "test"],
        cwd=project,
        env={
            **os.environ,
            "KUBECONFIG": str(api.kubeconfig),
            "TEST_NAMESPACE": api.namespace,
            "TEST_IMAGE": node_image,
            "TEST_GROUP": group,
        },
        timeout_s=TIMEOUT_S,
        dies_with_caller=True,
    )
    reports = [
        ElementTree.parse(path).getroot()
        for path in sorted(project.glob("target/surefire-reports/*.xml"))
    ]
    assert [(each.get("name"), each.get("tests")) for each in reports] == [
        ("conformance.ObjectsTest", "5"),
        ("conformance.PodsTest", "4"),
    ]
    assert {(each.get("failures"), each.get("errors")) for each in reports} == {("0", "0")}
