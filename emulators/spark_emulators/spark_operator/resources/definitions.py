"""The CustomResourceDefinitions, and how they come into a cluster."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import BaseModel

from spark_emulators.spark_operator.resources.application import ApplicationSpec
from spark_emulators.spark_operator.resources.cluster import ClusterSpec, ClusterStatus
from spark_emulators.spark_operator.resources.model import GROUP, GROUP_VERSION, VERSION
from spark_emulators.spark_operator.resources.schema import structural
from spark_emulators.spark_operator.resources.status import ApplicationStatus
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet, poll

__all__ = ["APPLICATIONS", "CLUSTERS", "definitions", "install"]

APPLICATIONS = Resource(GROUP_VERSION, "sparkapplications")
CLUSTERS = Resource(GROUP_VERSION, "sparkclusters")
DEFINITIONS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
MANAGER = "spark-kubernetes-operator"
_SERVED_WITHIN_S = 30.0


@functools.cache
def definitions() -> tuple[dict[str, Any], ...]:
    """Both definitions, with full schemas."""
    return (
        _definition("SparkApplication", "sparkapp", ApplicationSpec, ApplicationStatus),
        _definition("SparkCluster", "sparkcluster", ClusterSpec, ClusterStatus),
    )


def install(kubernetes: Kubernetes) -> None:
    """Have the definitions in a cluster, and wait until it serves them.

    Server-side apply: as an annotation of a client's, they would be too large.

    Raises:
        PlatformError: the API refuses them.
    """
    for each in definitions():
        kubernetes.apply(DEFINITIONS, each, MANAGER)

    def served() -> None:
        for resource in (APPLICATIONS, CLUSTERS):
            try:
                kubernetes.list(resource)
            except NotFound as error:
                raise NotYet(error.message) from error

    poll(served, what="the Spark resources to be served", timeout_s=_SERVED_WITHIN_S)


def _definition(
    kind: str, short: str, spec: type[BaseModel], status: type[BaseModel]
) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(spec),
            "status": structural(status),
        },
    }
    path = ".status.currentState.currentStateSummary"
    columns = [
        {"name": "Current State", "type": "string", "jsonPath": path},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": DEFINITIONS.group_version,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {**names, "shortNames": [short]},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
