"""The Spark operator (SK8) of the stack's Kubernetes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel.wait import NotYet
from spark_testkit.service import PlanContext, Service, ServiceSpec

__all__ = ["SERVICE"]


def plan(context: PlanContext) -> ServiceSpec:
    """One replica, outside of the cluster."""
    kubeconfig = context.peers["kubernetes"].for_peers()["KUBECONFIG"]
    ready = context.folder / "ready"
    return ServiceSpec(
        name=context.request.name,
        argv=(
            *(sys.executable, "-m", "spark_emulators.spark_operator"),
            *("--kubeconfig", kubeconfig, "--ready-file", str(ready)),
        ),
        endpoint=context.peers["kubernetes"].endpoint,
        readiness=FileReadiness(ready),
        after=("kubernetes",),
        detail="SparkApplication, SparkCluster",
    )


@dataclass(frozen=True)
class FileReadiness:
    """Ready when it has made a file."""

    file: Path

    def check(self) -> None:
        if not self.file.exists():
            raise NotYet("it does not look after applications yet")


SERVICE = Service(
    kind="spark-operator",
    summary="the Spark operator (SK8) of the stack's Kubernetes",
    plan=plan,
    needs=("kubernetes",),
    by_default=False,
)
