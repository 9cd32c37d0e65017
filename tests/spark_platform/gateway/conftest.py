"""Databases on each product; two clusters, and a gateway over them."""

import contextlib

import pytest
from database_fixtures import database, postgresql  # noqa: F401
from gateway_backends import serving
from gateways import NAMES, Gateway, prepare

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings as ClusterSettings
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.kernel.database import sqlite_url


@pytest.fixture(scope="module")
def kubeconfigs(tmp_path_factory):
    """Two API servers with the custom resources and the namespaces of the domains."""
    found = {}
    with contextlib.ExitStack() as servers:
        for name in NAMES:
            file = tmp_path_factory.mktemp(name) / "kubeconfig"
            servers.enter_context(ApiServer(ClusterSettings(name=name, port=0, kubeconfig=file)))
            prepare(file, "travel", "bank")
            found[name] = file
        yield found


@pytest.fixture
def gateway(kubeconfigs, tmp_path):
    gateway = Gateway(kubeconfigs, tmp_path, sqlite_url(tmp_path / "gateway.sqlite"))
    yield gateway
    for kubernetes in gateway.clusters.values():
        for each in kubernetes.list(APPLICATIONS)[0]:
            metadata = each["metadata"]
            kubernetes.delete(APPLICATIONS, metadata["namespace"], metadata["name"])
    gateway.close()


@pytest.fixture
def client(gateway):
    with gateway.client() as client:
        yield client


@pytest.fixture
def backend(kubeconfigs, tmp_path):
    with serving(kubeconfigs, tmp_path) as site:
        yield site
