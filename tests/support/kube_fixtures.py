"""Clusters for tests that must pass on each: the emulated one, and a real one.

The real one is a kind cluster of this run, or what SPARK_TESTKIT_REAL_KUBECONFIG names. Tests of
pods that run pass on the emulated one's docker runtime too: ``@everywhere``.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import pytest
from cluster_fixtures import kind_clusters
from kube_admins import with_token
from kube_api import Api
from kube_kubectl import Kubectl
from kube_nodes import has_namespaces
from kube_pods import Pods

from requirements import need
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import NodeOptions, Settings

DEBIAN = "debian:bookworm-slim"
REAL = "SPARK_TESTKIT_REAL_KUBECONFIG"


everywhere = pytest.mark.parametrize(
    "kubeconfig", ["emulated", "docker", "real"], indirect=True, scope="session"
)


@pytest.fixture(scope="session", params=["emulated", "real"])
def kubeconfig(request, tmp_path_factory):
    """A kubeconfig of an administrator."""
    if request.param == "real":
        named = os.environ.get(REAL)
        path = Path(named) if named else request.getfixturevalue("kind_cluster").kubeconfig
        yield with_token(path, tmp_path_factory.mktemp("real"))
        return
    in_docker = request.param == "docker"
    if in_docker:
        # what they stand on is what the pods are of
        request.getfixturevalue("images")()
    settings = Settings(
        port=0,
        kubeconfig=tmp_path_factory.mktemp("kubernetes") / "kubeconfig",
        nodes=(NodeOptions(),) if in_docker or has_namespaces() else (),
        runtime="docker" if in_docker else "process",
    )
    with ApiServer(settings):
        yield settings.kubeconfig


@pytest.fixture(scope="session")
def node_image(request, shared):
    """An image with a shell that the nodes of the cluster have."""
    runs = shared.http.get("/api/v1/nodes").json()["items"]
    need(
        "namespaces", bool(runs), "pods as processes: `unshare` of util-linux, and leave to use it"
    )
    version = runs[0]["status"]["nodeInfo"]["containerRuntimeVersion"]
    if version.startswith("process:"):
        return "busybox"
    if not version.startswith("docker:") and not os.environ.get(REAL):
        cluster = request.getfixturevalue("kind_cluster")
        kind_clusters(request.config).load(cluster.name, [DEBIAN])
    return DEBIAN


@pytest.fixture(scope="session")
def shared(kubeconfig):
    """A client without a namespace of its own."""
    api = Api(kubeconfig)
    yield api
    api.close()


@pytest.fixture
def api(shared):
    """A client with a fresh namespace, furnished as every namespace is."""
    name = f"t-{secrets.token_hex(5)}"
    answer = shared.http.post("/api/v1/namespaces", json={"metadata": {"name": name}})
    assert answer.status_code == 201, answer.text
    shared.namespace = name
    shared.eventually(shared.path("serviceaccounts", "default"), bool)
    yield shared
    shared.http.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def pods(api, node_image):
    return Pods(api, node_image)


@pytest.fixture
def kubectl(api, tmp_path):
    """kubectl in the test's namespace."""
    need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
    return Kubectl(api.kubeconfig, api.namespace, tmp_path)
