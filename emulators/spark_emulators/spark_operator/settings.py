"""How an operator runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel.kubernetes.lease import LeaseSettings

__all__ = ["OPERATOR_NAME", "OperatorSettings"]

OPERATOR_NAME = "spark-kubernetes-operator"


@dataclass(frozen=True)
class OperatorSettings:
    """Settings of one operator.

    Attributes:
        kubeconfig: of the cluster; None for ``KUBECONFIG`` or, in a pod, its service account.
        context: of the kubeconfig; None for the current one.
        namespace: the only one to look after; empty for all.
        name: the operator's own, which the label ``spark.operator/name`` of its pods has.
        workers: how many applications are worked on at once.
        events: whether each state of an application is also an event.
        lease: elects one of several replicas; None where there is but one.
        most_tries: of a creation that fails for reasons that may pass.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str = ""
    name: str = OPERATOR_NAME
    workers: int = 4
    events: bool = True
    lease: LeaseSettings | None = None
    most_tries: int = 5
