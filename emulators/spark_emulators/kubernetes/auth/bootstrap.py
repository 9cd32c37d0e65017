"""The roles every cluster has: ``cluster-admin``, ``admin``, ``edit``, ``view``.

They cover the built-in kinds served here. The real server also folds in the rules of custom roles
that ask for it by label; that is not done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spark_emulators.kubernetes.store.store import Object

__all__ = ["bootstrap_roles"]

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")
_About = tuple[tuple[str, tuple[str, ...]], ...]
_API = "rbac.authorization.k8s.io/v1"
# what a user of a namespace sees; (group, resources)
_SEEN: _About = (
    ("", ("configmaps", "endpoints", "events", "limitranges", "namespaces",
          "persistentvolumeclaims", "persistentvolumeclaims/status", "pods", "pods/log",
          "pods/status", "replicationcontrollers", "replicationcontrollers/scale",
          "resourcequotas", "resourcequotas/status", "serviceaccounts", "services",
          "services/status")),
    ("apps", ("controllerrevisions", "daemonsets", "daemonsets/status", "deployments",
              "deployments/scale", "deployments/status", "replicasets", "replicasets/scale",
              "replicasets/status", "statefulsets", "statefulsets/scale",
              "statefulsets/status")),
    ("batch", ("cronjobs", "cronjobs/status", "jobs", "jobs/status")),
    ("policy", ("poddisruptionbudgets", "poddisruptionbudgets/status")),
    ("networking.k8s.io", ("ingresses", "ingresses/status", "networkpolicies")),
    ("discovery.k8s.io", ("endpointslices",)),
)  # fmt: skip
_CHANGED: _About = (
    ("", ("configmaps", "events", "persistentvolumeclaims", "pods", "pods/attach", "pods/eviction",
          "pods/exec", "pods/portforward", "pods/proxy", "replicationcontrollers",
          "replicationcontrollers/scale", "secrets", "serviceaccounts", "services")),
    ("apps", ("daemonsets", "deployments", "deployments/rollback", "deployments/scale",
              "replicasets", "replicasets/scale", "statefulsets", "statefulsets/scale")),
    ("batch", ("cronjobs", "jobs")),
    ("policy", ("poddisruptionbudgets",)),
    ("networking.k8s.io", ("ingresses", "networkpolicies")),
    ("coordination.k8s.io", ("leases",)),
)  # fmt: skip
_SECRET: _About = (
    ("", ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets")),
    ("coordination.k8s.io", ("leases",)),
)
_GRANTED: _About = (("rbac.authorization.k8s.io", ("rolebindings", "roles")),)


def bootstrap_roles() -> Iterator[Object]:
    """The roles, and the binding of ``system:masters``."""
    view = _rules(_SEEN, _READ)
    edit = [
        *view,
        *_rules(_SECRET, _READ),
        *_rules(_CHANGED, _WRITE),
        _rule("", ("serviceaccounts",), ("impersonate",)),
        _rule("", ("serviceaccounts/token",), ("create",)),
    ]
    admin = [*edit, *_rules(_GRANTED, (*_READ, *_WRITE))]
    everything = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    roles = {"cluster-admin": everything, "admin": admin, "edit": edit, "view": view}
    for name, rules in roles.items():
        yield {"kind": "ClusterRole", **_head(name), "rules": rules}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    masters = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:masters"}
    yield {
        "kind": "ClusterRoleBinding",
        **_head("cluster-admin"),
        "subjects": [masters],
        "roleRef": role,
    }


def _head(name: str) -> dict[str, Any]:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    return {"apiVersion": _API, "metadata": {"name": name, "labels": labels}}


def _rules(about: _About, verbs: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_rule(group, resources, verbs) for group, resources in about]


def _rule(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
