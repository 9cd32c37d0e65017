"""Manifests of an operator that runs inside the cluster.

``python -m spark_emulators.spark_operator.deployment`` prints them for ``kubectl apply
--server-side -f -``: as an annotation of kubectl's, the schemas would be too large.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.spark_operator.resources.definitions import definitions
from spark_emulators.spark_operator.resources.model import GROUP
from spark_emulators.spark_operator.settings import OPERATOR_NAME
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Deployment", "manifests"]

# the only folder it may write to; not /tmp, where an emulated cluster may have this very program
_ROOM = "/var/run/spark-operator"
_READY_FILE = f"{_ROOM}/ready"
_RBAC = "rbac.authorization.k8s.io"
_MAKE = "create get patch"
_LEASES: Mapping[str, Any] = {
    "apiGroups": ["coordination.k8s.io"],
    "resources": ["leases"],
    "verbs": ["create", "get", "update"],
}


@dataclass(frozen=True)
class Deployment:
    """How an operator is to run in a cluster.

    Attributes:
        image: with the toolkit in it, such as ``testkit:latest``.
        namespace: of the operator; it is made, too.
        watched: the only namespace with applications; empty for all of them.
        replicas: of which one works at a time.
        name: the operator's own, of all its objects and in the label of its pods.
    """

    image: str
    namespace: str = "spark-operator"
    watched: str = ""
    replicas: int = 1
    name: str = OPERATOR_NAME

    def __post_init__(self) -> None:
        if not self.image:
            raise InvalidInput("image is empty", hint="`spark-testkit images build testkit`")
        if self.replicas < 1:
            raise InvalidInput(f"replicas is {self.replicas}", hint="at least 1")


def manifests(wanted: Deployment) -> Iterator[dict[str, Any]]:
    """All objects of an operator, each after what it needs."""
    yield from definitions()
    yield _object("v1", "Namespace", "", wanted.namespace)
    yield _object("v1", "ServiceAccount", wanted.namespace, wanted.name)
    yield from _role(wanted, wanted.watched, wanted.name, _rules())
    yield from _role(wanted, wanted.namespace, f"{wanted.name}-election", [_LEASES])
    yield _object("apps/v1", "Deployment", wanted.namespace, wanted.name, spec=_spec(wanted))


def _rules() -> list[dict[str, Any]]:
    """What the operator does, and no more."""
    return [
        _rule(GROUP, ("sparkapplications", "sparkclusters"), "get list watch patch delete"),
        _rule(GROUP, ("sparkapplications/status", "sparkclusters/status"), "update patch"),
        # clusters that check owners want this of whoever names one that blocks its deletion
        _rule(GROUP, ("sparkapplications/finalizers", "sparkclusters/finalizers"), "update"),
        _rule("", ("pods",), "create get list watch delete"),
        _rule("", ("configmaps", "services"), "create get patch delete"),
        _rule("", ("events",), "create"),
        _rule("apps", ("statefulsets",), _MAKE),
        _rule("autoscaling", ("horizontalpodautoscalers",), _MAKE),
        _rule("policy", ("poddisruptionbudgets",), _MAKE),
        _rule("networking.k8s.io", ("ingresses", "networkpolicies"), _MAKE),
        _rule("gateway.networking.k8s.io", ("httproutes", "grpcroutes"), _MAKE),
    ]


def _rule(group: str, resources: Sequence[str], verbs: str) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": verbs.split()}


def _role(
    wanted: Deployment, namespace: str, name: str, rules: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """A role and its binding: of one namespace, or of all of them."""
    kind = "Role" if namespace else "ClusterRole"
    # one of a cluster's belongs to nobody's namespace, and another operator has its own
    full = name if namespace else f"{wanted.namespace}:{name}"
    account = {"kind": "ServiceAccount", "name": wanted.name, "namespace": wanted.namespace}
    reference = {"apiGroup": _RBAC, "kind": kind, "name": full}
    yield _object(f"{_RBAC}/v1", kind, namespace, full, rules=list(rules))
    yield _object(
        f"{_RBAC}/v1", f"{kind}Binding", namespace, full, subjects=[account], roleRef=reference
    )


def _spec(wanted: Deployment) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": wanted.name}
    arguments = ["-m", "spark_emulators.spark_operator", "--no-definitions"]
    arguments += ["--name", wanted.name, "--ready-file", _READY_FILE]
    arguments += ["--lease", f"{wanted.namespace}/{wanted.name}"]
    if wanted.watched:
        arguments += ["--namespace", wanted.watched]
    container = {
        "name": "operator",
        "image": wanted.image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "readinessProbe": {"exec": {"command": ["test", "-f", _READY_FILE]}, "periodSeconds": 1},
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "env": [{"name": "TMPDIR", "value": _ROOM}],
        "volumeMounts": [{"name": "room", "mountPath": _ROOM}],
    }
    pod = {
        "serviceAccountName": wanted.name,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 185,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "room", "emptyDir": {}}],
    }
    return {
        "replicas": wanted.replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _object(
    api_version: str, kind: str, namespace: str, name: str, **content: Any
) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def main() -> int:
    """Print the manifests as YAML."""
    import yaml

    parser = argparse.ArgumentParser(
        prog="spark_emulators.spark_operator.deployment", description=__doc__
    )
    parser.add_argument("--image", default="testkit:latest", help="with the toolkit in it")
    parser.add_argument("--namespace", default="spark-operator", help="of the operator")
    parser.add_argument("--watched", default="", help="the only namespace with applications")
    parser.add_argument("--replicas", type=int, default=1, help="one works, the others wait")
    parser.add_argument("--name", default=OPERATOR_NAME, help="of its objects")
    try:
        wanted = Deployment(**vars(parser.parse_args()))
    except InvalidInput as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    yaml.safe_dump_all(manifests(wanted), sys.stdout, sort_keys=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
