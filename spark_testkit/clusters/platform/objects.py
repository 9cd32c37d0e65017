"""A server as objects of Kubernetes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CONFIG", "DATA", "LABEL", "TOKEN", "Server", "namespace", "objects", "rights"]

CONFIG, DATA = "/config", "/data"
"""Where a server finds its files, and where it may write."""

TOKEN = "/var/run/secrets/platform/token"  # noqa: S105
"""The file with its service account's token, where that is for somebody else than the cluster."""

LABEL = "app.kubernetes.io/name"
_RBAC = "rbac.authorization.k8s.io"
# the kubelet replaces it in time
_TOKEN_LASTS_S = 3600


@dataclass(frozen=True)
class Server:
    """One pod, and the service of its name that leads there.

    Attributes:
        name: the server's.
        image: of the local Docker engine; the cluster has been given it.
        ports: purpose → where it listens.
        ready: path whose GET is answered with 200 when it works; at the first of its ports.
        scheme: ``HTTP`` or ``HTTPS``, of that.
        arguments: of the image's command.
        files: name → text, in the folder ``CONFIG``.
        environment: its variables; they may hold secrets, as files may.
        published: purpose → port of the cluster's nodes.
        account: its service account; none where empty.
        audience: whom the account's token in ``TOKEN`` is for; the cluster's own where empty.
    """

    name: str
    image: str
    ports: Mapping[str, int]
    ready: str
    scheme: str = "HTTP"
    arguments: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, int] = field(default_factory=dict)
    account: str = ""
    audience: str = ""


def namespace(name: str) -> dict[str, Any]:
    """A namespace."""
    return _object("v1", "Namespace", "", name)


def objects(server: Server, namespace: str) -> Iterator[dict[str, Any]]:
    """All objects of a server, each after what it needs."""
    name = server.name
    for secret, texts in ((name, server.files), (f"{name}-environment", server.environment)):
        if texts:
            yield _object("v1", "Secret", namespace, secret, stringData=dict(texts))
    if server.account:
        yield _object("v1", "ServiceAccount", namespace, server.account)
    labels = {LABEL: name}
    pod = {"metadata": {"labels": labels}, "spec": _pod(server)}
    spec = {
        "replicas": 1,
        # two would write one database
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": pod,
    }
    yield _object("apps/v1", "Deployment", namespace, name, spec=spec)
    yield _object("v1", "Service", namespace, name, spec=_service(server, labels))


def rights(account: str, namespace: str, rules: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """What a service account may do everywhere in the cluster."""
    name = f"{namespace}:{account}"
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name}
    version = f"{_RBAC}/v1"
    yield _object(version, "ClusterRole", "", name, rules=list(rules))
    yield _object(version, "ClusterRoleBinding", "", name, subjects=[subject], roleRef=reference)


def _pod(server: Server) -> dict[str, Any]:
    port = next(iter(server.ports.values()))
    probe = {"httpGet": {"path": server.ready, "port": port, "scheme": server.scheme}}
    mounts = [{"name": "data", "mountPath": DATA}]
    volumes: list[dict[str, Any]] = [{"name": "data", "emptyDir": {}}]
    container: dict[str, Any] = {
        "name": server.name,
        "image": server.image,
        # these tags are called `latest`, and no registry has them
        "imagePullPolicy": "Never",
        "args": list(server.arguments),
        "ports": [{"name": name, "containerPort": number} for name, number in server.ports.items()],
        "readinessProbe": {**probe, "periodSeconds": 1, "timeoutSeconds": 5},
        "volumeMounts": mounts,
    }
    if server.environment:
        container["envFrom"] = [{"secretRef": {"name": f"{server.name}-environment"}}]
    if server.files:
        mounts.append({"name": "config", "mountPath": CONFIG})
        volumes.append({"name": "config", "secret": {"secretName": server.name}})
    if server.audience:
        folder, _, path = TOKEN.rpartition("/")
        mounts.append({"name": "token", "mountPath": folder})
        token = {
            "path": path, "audience": server.audience, "expirationSeconds": _TOKEN_LASTS_S,
        }  # fmt: skip
        projected = {"sources": [{"serviceAccountToken": token}]}
        volumes.append({"name": "token", "projected": projected})
    return {
        "serviceAccountName": server.account or "default",
        "automountServiceAccountToken": bool(server.account and not server.audience),
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": volumes,
    }


def _service(server: Server, labels: Mapping[str, str]) -> dict[str, Any]:
    ports = [
        {
            "name": name,
            "port": number,
            **({"nodePort": server.published[name]} if name in server.published else {}),
        }
        for name, number in server.ports.items()
    ]
    kind = "NodePort" if server.published else "ClusterIP"
    return {"type": kind, "selector": dict(labels), "ports": ports}


def _object(
    api_version: str, kind: str, namespace: str, name: str, **content: Any
) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
