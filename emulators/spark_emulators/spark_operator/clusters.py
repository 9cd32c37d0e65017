"""SparkClusters: a standalone master and workers, as StatefulSets.

Source: the Apache Spark Kubernetes Operator. Two of its faults are mended: a failure is written
once, and what is not changed is not applied again.
"""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from spark_emulators.spark_operator.driver.names import app_label
from spark_emulators.spark_operator.events import Recorder
from spark_emulators.spark_operator.resources.cluster import ClusterSpec, ClusterStatus, MasterSpec
from spark_emulators.spark_operator.resources.definitions import CLUSTERS, MANAGER
from spark_platform.kernel.errors import PlatformError, Transient
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.resources import Key, Object, Resource, key_of

__all__ = ["ClusterReconciler", "plan_cluster"]

CLUSTER_LABEL = "spark.operator/spark-cluster-name"
_IMAGE = "spark.kubernetes.container.image"
_DEFAULT_IMAGE = "spark-platform:4.1-latest"
_CLASS = "org.apache.spark.deploy"
_PLURALS = {
    "Service": "services",
    "StatefulSet": "statefulsets",
    "NetworkPolicy": "networkpolicies",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "PodDisruptionBudget": "poddisruptionbudgets",
}


def _nobody(found: Object) -> None:
    del found


class ClusterReconciler:
    """Makes clusters be as they are told.

    Args:
        kubernetes: where.
        now: the time.
        recorder: of events; None for none.
        written: told each cluster as a write left it.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        *,
        now: Callable[[], datetime],
        recorder: Recorder | None = None,
        written: Callable[[Object], None] = _nobody,
    ) -> None:
        self._kubernetes, self._now = kubernetes, now
        self._recorder, self._written = recorder, written
        # of each cluster, the generation that was applied
        self._applied: dict[Key, tuple[str, int]] = {}

    def reconcile(self, found: Object) -> float | None:
        """Apply what a cluster is made of, where it is new or changed.

        Raises:
            PlatformError: the API could not take it; look again later.
        """
        metadata = found["metadata"]
        # what belongs to it goes with it
        if "deletionTimestamp" in metadata:
            self._applied.pop(key_of(found), None)
            return None
        generation = metadata["uid"], metadata.get("generation", 0)
        if self._applied.get(key_of(found)) == generation:
            return None
        if "status" not in found:
            found = self._record(found, ClusterStatus.first(self._now()))
        status = ClusterStatus.model_validate(found["status"])
        try:
            spec = ClusterSpec.model_validate(found["spec"])
            if spec.suspend:
                return None
            for each in plan_cluster(spec, found):
                self._kubernetes.apply(_resource(each), each, MANAGER)
        except Transient:
            raise
        except (PlatformError, ValidationError) as error:
            self._enter(found, status, "SchedulingFailure", str(error))
        else:
            text = f"a master and {_workers(spec)} workers are made"
            self._enter(found, status, "RunningHealthy", text)
        self._applied[key_of(found)] = generation
        return None

    def _enter(self, found: Object, status: ClusterStatus, state: Any, message: str) -> None:
        current = status.current_state
        if (current.current_state_summary, current.message) != (state, message):
            self._record(found, status.entered(state, self._now(), message))

    def _record(self, found: Object, status: ClusterStatus) -> Object:
        stored = self._kubernetes.replace(CLUSTERS, {**found, "status": status.written()}, "status")
        self._written(stored)
        if self._recorder:
            entry = status.current_state
            failed = entry.current_state_summary == "SchedulingFailure"
            self._recorder.record(
                stored, entry.current_state_summary, entry.message, warning=failed
            )
        return stored


def plan_cluster(spec: ClusterSpec, owner: Object) -> list[dict[str, Any]]:
    """All objects of a cluster, the SparkCluster as their owner."""
    namespace, name = key_of(owner)
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name,
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    found = list(_objects(spec, name))
    for each in found:
        each["metadata"] |= {"namespace": namespace, "ownerReferences": [reference]}
    return found


def _objects(spec: ClusterSpec, name: str) -> Iterator[dict[str, Any]]:
    version = spec.runtime_versions.spark_version
    common = {CLUSTER_LABEL: app_label(name), "spark-version": version}
    master, worker = ({**common, "spark-role": role} for role in ("master", "worker"))
    ports = {"web": 8080, "spark": 7077, "rest": 6066}
    yield _service(f"{name}-master-svc", master, ports, spec.master_spec)
    yield _service(f"{name}-worker-svc", worker, {"web": 8081}, spec.worker_spec)
    url = f"spark://{name}-master-svc:7077"
    yield _stateful_set(
        f"{name}-master", f"{name}-master-svc", master, 1, spec, spec.master_spec,
        [f"{_CLASS}.master.Master"], "SPARK_MASTER_OPTS",
    )  # fmt: skip
    yield _stateful_set(
        f"{name}-worker", f"{name}-worker-svc", worker, _workers(spec), spec, spec.worker_spec,
        [f"{_CLASS}.worker.Worker", url], "SPARK_WORKER_OPTS",
    )  # fmt: skip
    yield _network_policy(name, common, worker)
    config = spec.cluster_tolerations.instance_config
    if config.min_workers < config.max_workers:
        yield _autoscaler(name, spec)
    if config.min_workers >= 1:
        budget = {"minAvailable": 1, "selector": {"matchLabels": worker}}
        yield _object("policy/v1", "PodDisruptionBudget", f"{name}-worker-pdb", worker, budget)


def _workers(spec: ClusterSpec) -> int:
    return spec.cluster_tolerations.instance_config.init_workers


def _service(
    name: str, labels: Mapping[str, str], ports: Mapping[str, int], given: MasterSpec
) -> dict[str, Any]:
    spec = copy.deepcopy(given.service_spec or {})
    spec.setdefault("clusterIP", "None")
    spec.setdefault(
        "ports", [{"name": key, "port": port, "targetPort": port} for key, port in ports.items()]
    )
    # workers look for their master before it is ready
    spec.setdefault("publishNotReadyAddresses", True)
    spec["selector"] = {**(spec.get("selector") or {}), **labels}
    return _object("v1", "Service", name, labels, spec, given.service_metadata)


def _stateful_set(
    name: str,
    service: str,
    labels: Mapping[str, str],
    replicas: int,
    spec: ClusterSpec,
    given: MasterSpec,
    arguments: list[str],
    options: str,
) -> dict[str, Any]:
    made = copy.deepcopy(given.stateful_set_spec or {})
    template = made.setdefault("template", {})
    metadata, pod = template.setdefault("metadata", {}), template.setdefault("spec", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    pod.setdefault("terminationGracePeriodSeconds", 0)
    containers = pod.setdefault("containers", [])
    if not containers:
        containers.append({"name": labels["spark-role"]})
    container = containers[0]
    version = spec.runtime_versions.spark_version
    image = spec.spark_conf.get(_IMAGE, _DEFAULT_IMAGE).replace("{{SPARK_VERSION}}", version)
    container.setdefault("image", image)
    container.setdefault("command", ["/opt/spark/bin/spark-class"])
    container.setdefault("args", arguments)
    env = container.setdefault("env", [])
    env[:] = [each for each in env if each["name"] != options]
    env.append({"name": options, "value": _java_options(spec.spark_conf)})
    made |= {
        "replicas": replicas,
        "podManagementPolicy": "Parallel",
        "serviceName": service,
        "selector": {"matchLabels": dict(labels)},
    }
    return _object("apps/v1", "StatefulSet", name, labels, made, given.stateful_set_metadata)


def _java_options(conf: Mapping[str, str]) -> str:
    given = {"spark.shuffle.service.enabled": "true", **conf}
    return " ".join(shlex.quote(f"-D{key}={given[key]}") for key in sorted(given))


def _network_policy(
    name: str, cluster: Mapping[str, str], worker: Mapping[str, str]
) -> dict[str, Any]:
    peers = [
        {"podSelector": {"matchLabels": {CLUSTER_LABEL: cluster[CLUSTER_LABEL]}}},
        {"podSelector": {"matchLabels": {"spark-role": "driver"}}},
    ]
    spec = {"podSelector": {"matchLabels": dict(worker)}, "ingress": [{"from": peers}]}
    return _object("networking.k8s.io/v1", "NetworkPolicy", f"{name}-worker", worker, spec)


def _autoscaler(name: str, spec: ClusterSpec) -> dict[str, Any]:
    config = spec.cluster_tolerations.instance_config
    cpu = {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "worker",
            "target": {"type": "Utilization", "averageUtilization": 30},
        },
    }
    made = {
        "maxReplicas": config.max_workers,
        "minReplicas": config.min_workers,
        "metrics": [cpu],
        "behavior": {
            "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
            "scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}]},
        },
        **(spec.worker_spec.horizontal_pod_autoscaler_spec or {}),
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": f"{name}-worker",
        },
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", f"{name}-worker-hpa", {}, made)


def _object(
    api_version: str,
    kind: str,
    name: str,
    labels: Mapping[str, str],
    spec: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    given = dict(metadata or {})
    given["labels"] = {**(given.get("labels") or {}), **labels}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {**given, "name": name},
        "spec": dict(spec),
    }


def _resource(value: Mapping[str, Any]) -> Resource:
    return Resource(value["apiVersion"], _PLURALS[value["kind"]])
