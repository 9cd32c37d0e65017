"""An emulated Kubernetes in the stack, whose pods are processes and find the stack's tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.wait import NotYet
from spark_testkit.images.processes import process_images
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services import catalog_identity
from spark_testkit.services.spark_connect import prepare_engine
from spark_testkit.services.unity_catalog import with_its_store

__all__ = ["NAMESPACE", "SERVICE", "job_secrets", "namespace_objects"]

NAMESPACE = "default"
_KEYS = {"AWS_ACCESS_KEY_ID": "s3:key", "AWS_SECRET_ACCESS_KEY": "s3:secret"}


def plan(context: PlanContext) -> ServiceSpec:
    """A cluster of one node, in memory, with what jobs need in its namespace ``default``.

    Raises:
        InvalidInput: it shall be a container.
    """
    if context.place.container:
        raise InvalidInput(
            "kubernetes cannot be a container: its pods are processes of this machine",
            hint="take a stack of processes, or `spark-testkit cluster up --flavor kind`",
        )
    kubeconfig, images = context.folder / "kubeconfig", context.folder / "images.json"
    objects = context.folder / "objects.yaml"
    endpoint = f"https://{context.place.listen}:{context.ports['api']}"
    return ServiceSpec(
        name=context.request.name,
        argv=(
            *(sys.executable, "-m", "spark_emulators.kubernetes"),
            *("--name", "spark-testkit", "--host", context.place.listen),
            *("--port", str(context.ports["api"]), "--kubeconfig", str(kubeconfig)),
            *("--nodes", "1", "--images", str(images), "--objects", str(objects)),
        ),
        files={
            images: json.dumps(process_images(context.settings)),
            objects: "---\n".join(json.dumps(each) + "\n" for each in _objects(context)),
        },
        **context.port_fields("api"),
        endpoint=endpoint,
        exports={"KUBECONFIG": str(kubeconfig)},
        readiness=KubernetesReadiness(kubeconfig),
    )


def job_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables of jobs that reach S3 and the catalog → the secrets of their namespace.

    Args:
        variables: the catalog's.
    """
    return {**_KEYS, **catalog_identity.kubernetes_secrets(variables)}


def namespace_objects(variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """What jobs need in their namespace: an account that may make pods, and the secrets.

    Args:
        variables: of the stack's S3 and catalog.
    """
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "spark"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "spark"},
            "subjects": [{"kind": "ServiceAccount", "name": "spark"}],
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "edit",
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s3"},
            "stringData": {
                "key": variables["AWS_ACCESS_KEY_ID"],
                "secret": variables["AWS_SECRET_ACCESS_KEY"],
            },
        },
        *catalog_identity.secret_object(variables),
    ]


def _objects(context: PlanContext) -> Iterator[dict[str, Any]]:
    for each in namespace_objects(with_its_store(context.peers)):
        each["metadata"]["namespace"] = NAMESPACE
        for subject in each.get("subjects", ()):
            subject["namespace"] = NAMESPACE
        yield each


@dataclass(frozen=True)
class KubernetesReadiness:
    """Ready when whom its kubeconfig names may list nodes, and one of them is ready."""

    kubeconfig: Path

    def check(self) -> None:
        import contextlib

        from spark_platform.kernel.errors import PlatformError
        from spark_platform.kernel.kubernetes.client import connect
        from spark_platform.kernel.kubernetes.resources import Resource

        if not self.kubeconfig.exists():
            raise NotYet("it does not listen yet")
        try:
            with contextlib.closing(connect(self.kubeconfig)) as kubernetes:
                nodes, _ = kubernetes.list(Resource("v1", "nodes"))
        except PlatformError as error:
            raise NotYet(error.message) from error
        if not nodes:
            raise NotYet("it has no node yet")


SERVICE = Service(
    kind="kubernetes",
    summary="an emulated Kubernetes, whose pods are processes of this machine",
    plan=plan,
    needs=("s3", "unity-catalog"),
    ports={"api": 6443},
    prepare=prepare_engine,
    by_default=False,
)
