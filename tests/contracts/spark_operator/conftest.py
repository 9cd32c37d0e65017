"""The operator on each cluster; a test brings it on, and stands for the kubelet."""

import contextlib

import pytest
from kube_fixtures import api, kubeconfig, shared  # noqa: F401
from spark_operators import Site

from spark_emulators.spark_operator.resources.definitions import install
from spark_platform.kernel.kubernetes.client import connect


@pytest.fixture(scope="session")
def definitions(kubeconfig):  # noqa: F811
    with contextlib.closing(connect(kubeconfig)) as kubernetes:
        install(kubernetes)


@pytest.fixture
def site(request, definitions, api):  # noqa: F811
    site = Site(api.kubeconfig, api.namespace, **getattr(request, "param", {}))
    yield site
    site.close()
    # nobody takes the finalizers away any more
    from spark_emulators.spark_operator.resources.definitions import APPLICATIONS

    with contextlib.closing(connect(api.kubeconfig)) as kubernetes:
        for each in kubernetes.list(APPLICATIONS, api.namespace)[0]:
            name = each["metadata"]["name"]
            change = {"metadata": {"finalizers": None}}
            kubernetes.patch(APPLICATIONS, api.namespace, name, change)
