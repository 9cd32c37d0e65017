"""fabric8, the client of Spark and of Java operators, unmodified: a Maven project's own tests."""

import secrets
from pathlib import Path

import pytest
from kube_widgets import definition
from maven import copied, passed

PROJECT = Path(__file__).with_name("fabric8")


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
    return copied(PROJECT, tmp_path)


def test_its_tests_pass(project, api, node_image, group):
    assert passed(
        project,
        KUBECONFIG=str(api.kubeconfig),
        TEST_NAMESPACE=api.namespace,
        TEST_IMAGE=node_image,
        TEST_GROUP=group,
    ) == {"conformance.ObjectsTest": 5, "conformance.PodsTest": 4}
