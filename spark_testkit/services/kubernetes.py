"""An emulated Kubernetes in the stack, whose pods are processes and find the stack's tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.wait import NotYet
from spark_testkit.engine import engine_spec, engine_specs, install, is_installed
from spark_testkit.images.processes import spark_image, testkit_image
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services.spark_connect import prepare_engine

__all__ = ["KEYS", "NAMESPACE", "SERVICE"]

NAMESPACE = "default"
KEYS = {"AWS_ACCESS_KEY_ID": "s3:key", "AWS_SECRET_ACCESS_KEY": "s3:secret"}
"""The variables of jobs that reach the stack's S3, and the secrets of the cluster they are of."""


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
            images: json.dumps(_images(context)),
            objects: "---\n".join(json.dumps(each) + "\n" for each in _objects(context)),
        },
        **context.port_fields("api"),
        endpoint=endpoint,
        exports={"KUBECONFIG": str(kubeconfig)},
        readiness=KubernetesReadiness(kubeconfig),
    )


def _images(context: PlanContext) -> list[dict[str, Any]]:
    """Of the default engine, and of those that are there anyway."""
    default = engine_spec().version
    versions = [
        each for each in engine_specs() if each == default or is_installed(each, context.settings)
    ]
    settings = context.settings
    return [*(spark_image(install(each, settings), settings) for each in versions), testkit_image()]


def _objects(context: PlanContext) -> Iterator[dict[str, Any]]:
    store = context.peers["s3"].for_peers()
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "spark", "namespace": NAMESPACE},
    }
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "spark", "namespace": NAMESPACE},
        "subjects": [{"kind": "ServiceAccount", "name": "spark", "namespace": NAMESPACE}],
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "edit",
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s3", "namespace": NAMESPACE},
        "stringData": {
            "key": store["AWS_ACCESS_KEY_ID"],
            "secret": store["AWS_SECRET_ACCESS_KEY"],
        },
    }


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
