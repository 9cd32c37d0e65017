"""The same behaviours on every Kubernetes API there is, see ``kube_fixtures``."""

import pytest
from kube_fixtures import api, kubeconfig, node_image, pods, shared
from kube_workloads import Workloads

__all__ = ["api", "kubeconfig", "node_image", "pods", "shared", "workloads"]


@pytest.fixture
def workloads(api, node_image):
    """Workloads in the test's namespace."""
    return Workloads(api, node_image)
