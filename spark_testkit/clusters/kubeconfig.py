"""The one shape of kubeconfigs, whatever made the cluster."""

from __future__ import annotations

from typing import Any

__all__ = ["named"]


def named(document: str, name: str) -> str:
    """A kubeconfig with one context, as one whose context, cluster and user are called ``name``.

    Args:
        document: a kubeconfig (YAML) with one context, one cluster and one user.
    """
    import yaml

    given: dict[str, Any] = yaml.safe_load(document)
    (context,), (cluster,), (user,) = given["contexts"], given["clusters"], given["users"]
    namespace = context["context"].get("namespace")
    where = {"cluster": name, "user": name, **({"namespace": namespace} if namespace else {})}
    shaped = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster["cluster"]}],
        "users": [{"name": name, "user": user["user"]}],
        "contexts": [{"name": name, "context": where}],
        "current-context": name,
    }
    text: str = yaml.safe_dump(shaped, sort_keys=False)
    return text
