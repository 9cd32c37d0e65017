"""An administrator with a token, of a cluster whose kubeconfig has a certificate instead."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from kubernetes import client, config

SPACE, NAME = "kube-system", "contract"
LASTS_S = 24 * 3600


def with_token(kubeconfig: Path, folder: Path) -> Path:
    """A kubeconfig for the same cluster as a service account that may do everything.

    Args:
        kubeconfig: an administrator's.
        folder: where the new one is written.
    """
    value = yaml.safe_load(kubeconfig.read_text())
    if "token" in value["users"][0]["user"]:
        return kubeconfig
    with config.new_client_from_config(str(kubeconfig)) as http:
        core, rbac = client.CoreV1Api(http), client.RbacAuthorizationV1Api(http)
        _unless_there(core.create_namespaced_service_account, SPACE, {"metadata": {"name": NAME}})
        _unless_there(rbac.create_cluster_role_binding, _binding())
        asked = {"spec": {"expirationSeconds": LASTS_S}}
        answer = core.create_namespaced_service_account_token(NAME, SPACE, asked)
    value["users"][0]["user"] = {"token": answer.status.token}
    file = folder / "kubeconfig"
    file.touch(0o600)
    file.write_text(json.dumps(value))
    return file


def _binding() -> dict[str, object]:
    group = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": SPACE}],
    }


def _unless_there(create, *arguments) -> None:
    try:
        create(*arguments)
    except client.ApiException as error:
        if error.status != 409:
            raise
