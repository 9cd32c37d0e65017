"""Vendors' clients on every Kubernetes API there is, see ``kube_fixtures``."""

from kube_fixtures import api, kubeconfig, kubectl, node_image, pods, shared

__all__ = ["api", "kubeconfig", "kubectl", "node_image", "pods", "shared"]
