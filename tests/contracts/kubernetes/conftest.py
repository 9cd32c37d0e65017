"""The same behaviours on every Kubernetes API there is: the emulated one, and a real one.

A real one is taken from the kubeconfig that SPARK_TESTKIT_REAL_KUBECONFIG names.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest
from kube_api import Api

from requirements import need
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings

REAL = "SPARK_TESTKIT_REAL_KUBECONFIG"


@pytest.fixture(scope="session", params=["emulated", "real"])
def kubeconfig(request, tmp_path_factory):
    """A kubeconfig of an administrator."""
    if request.param == "real":
        path = os.environ.get(REAL, "")
        need("kubernetes", bool(path), f"name a kubeconfig of a real cluster in {REAL}")
        yield Path(path)
        return
    file = tmp_path_factory.mktemp("kubernetes") / "kubeconfig"
    with ApiServer(Settings(port=0, kubeconfig=file)):
        yield file


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
