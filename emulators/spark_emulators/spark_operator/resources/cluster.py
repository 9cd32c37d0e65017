"""SparkCluster: a standalone Spark cluster, as a user asks for it.

Source: the Apache Spark Kubernetes Operator's ``SparkCluster`` v1.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from spark_emulators.spark_operator.resources.application import RuntimeVersions
from spark_emulators.spark_operator.resources.model import (
    Metadata,
    Model,
    ServiceSpec,
    StatefulSetSpec,
)
from spark_emulators.spark_operator.resources.status import written

__all__ = ["ClusterSpec", "ClusterStatus"]

ClusterState = Literal["Submitted", "RunningHealthy", "SchedulingFailure", "Failed"]


class WorkerInstances(Model):
    """How many workers: at first, at least and at most."""

    init_workers: int = Field(ge=0)
    min_workers: int = Field(ge=0)
    max_workers: int = Field(ge=0)


class ClusterTolerations(Model):
    """How many workers a cluster has."""

    instance_config: WorkerInstances


class MasterSpec(Model):
    """Changes to the master's objects."""

    stateful_set_spec: StatefulSetSpec | None = None
    stateful_set_metadata: Metadata | None = None
    service_spec: ServiceSpec | None = None
    service_metadata: Metadata | None = None


class WorkerSpec(MasterSpec):
    """Changes to the workers' objects."""

    horizontal_pod_autoscaler_spec: dict[str, Any] | None = Field(
        default=None,
        json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    )


class ClusterSpec(Model):
    """One cluster."""

    runtime_versions: RuntimeVersions
    cluster_tolerations: ClusterTolerations
    spark_conf: dict[str, str] = Field(default_factory=dict)
    suspend: bool = Field(default=False, description="Holds the making of masters and workers.")
    master_spec: MasterSpec = MasterSpec()
    worker_spec: WorkerSpec = WorkerSpec()


class ClusterEntry(Model):
    """A state, since when, and why."""

    current_state_summary: ClusterState
    last_transition_time: str
    message: str = ""


class ClusterAttempt(Model):
    """Which attempt."""

    id: int = 0
    restart_counter: int = 0


class ClusterAttemptSummary(Model):
    """The current attempt: clusters are not restarted, so there is one."""

    attempt_info: ClusterAttempt = ClusterAttempt()


class ClusterStatus(Model):
    """What became of a cluster."""

    current_state: ClusterEntry
    state_transition_history: dict[str, ClusterEntry]
    current_attempt_summary: ClusterAttemptSummary = ClusterAttemptSummary()

    @classmethod
    def first(cls, now: datetime) -> ClusterStatus:
        """Of a cluster that was just seen."""
        entry = _entry("Submitted", now, "the cluster is yet to be made")
        return cls(current_state=entry, state_transition_history={"0": entry})

    def entered(self, state: ClusterState, now: datetime, message: str) -> ClusterStatus:
        """The status with one more state."""
        entry = _entry(state, now, message)
        key = str(max(map(int, self.state_transition_history)) + 1)
        history = {**self.state_transition_history, key: entry}
        return self.model_copy(update={"current_state": entry, "state_transition_history": history})


def _entry(state: ClusterState, now: datetime, message: str) -> ClusterEntry:
    return ClusterEntry(
        current_state_summary=state, last_transition_time=written(now), message=message
    )
