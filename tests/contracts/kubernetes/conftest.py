"""The same behaviours on every Kubernetes API there is, see ``kube_fixtures``."""

from kube_fixtures import api, kubeconfig, node_image, pods, shared

__all__ = ["api", "kubeconfig", "node_image", "pods", "shared"]
