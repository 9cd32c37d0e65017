"""The controllers without which the API would not behave like one."""

from __future__ import annotations

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.definitions import DefinitionController
from spark_emulators.kubernetes.controllers.garbage import GarbageCollector
from spark_emulators.kubernetes.controllers.namespaces import Furnisher, Terminator
from spark_emulators.kubernetes.controllers.quota import QuotaController
from spark_emulators.kubernetes.controllers.runner import Controllers
from spark_emulators.kubernetes.controllers.scheduler import Scheduler

__all__ = ["standard_controllers"]


def standard_controllers(cluster: Cluster) -> Controllers:
    """Definitions, namespaces, garbage collection."""
    controllers = Controllers(
        cluster,
        (
            DefinitionController(cluster),
            Furnisher(cluster),
            Terminator(cluster),
            GarbageCollector(cluster),
            QuotaController(cluster),
            Scheduler(cluster),
        ),
    )
    controllers.settle()
    return controllers
