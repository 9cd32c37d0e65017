"""The controllers without which the API would not behave like one."""

from __future__ import annotations

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.definitions import DefinitionController
from spark_emulators.kubernetes.controllers.garbage import GarbageCollector
from spark_emulators.kubernetes.controllers.namespaces import Furnisher, Terminator
from spark_emulators.kubernetes.controllers.quota import QuotaController
from spark_emulators.kubernetes.controllers.runner import Controllers
from spark_emulators.kubernetes.controllers.scheduler import Scheduler
from spark_emulators.kubernetes.controllers.workloads.daemonsets import DaemonSetController
from spark_emulators.kubernetes.controllers.workloads.deployments import DeploymentController
from spark_emulators.kubernetes.controllers.workloads.disruption import DisruptionController
from spark_emulators.kubernetes.controllers.workloads.endpoints import EndpointsController
from spark_emulators.kubernetes.controllers.workloads.jobs import JobController
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.replicasets import ReplicaSetController
from spark_emulators.kubernetes.controllers.workloads.statefulsets import StatefulSetController

__all__ = ["standard_controllers"]


def standard_controllers(cluster: Cluster) -> Controllers:
    """Definitions, namespaces, garbage collection, quotas, workloads, the scheduler."""
    pods, sets = Owned(cluster, "pods"), Owned(cluster, "replicasets.apps")
    slices = Owned(cluster, "endpointslices.discovery.k8s.io")
    revisions = Owned(cluster, "controllerrevisions.apps")
    controllers = Controllers(
        cluster,
        (
            DefinitionController(cluster),
            Furnisher(cluster),
            Terminator(cluster),
            GarbageCollector(cluster),
            QuotaController(cluster),
            pods,
            sets,
            DeploymentController(cluster, sets, pods),
            ReplicaSetController(cluster, pods, sets),
            JobController(cluster, pods),
            revisions,
            StatefulSetController(cluster, pods, revisions),
            DaemonSetController(cluster, pods, revisions),
            slices,
            EndpointsController(cluster, slices),
            DisruptionController(cluster, pods),
            Scheduler(cluster),
        ),
    )
    controllers.settle()
    return controllers
