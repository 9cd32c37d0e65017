"""All objects of an attempt, in the order in which they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spark_emulators.spark_operator.driver.conf import Attempt, effective_conf, ports_of
from spark_emulators.spark_operator.driver.pod import (
    CONF_DIR,
    TEMPLATE_DIR,
    driver_pod,
    role_labels,
)
from spark_emulators.spark_operator.driver.routes import routes_of
from spark_emulators.spark_operator.driver.volumes import Pair
from spark_emulators.spark_operator.resources.application import ApplicationSpec
from spark_platform.kernel.properties import properties

__all__ = ["DriverPlan", "plan_driver", "pod_name"]

_TEMPLATE_FILE = "pod-spec-template.yml"


@dataclass(frozen=True)
class DriverPlan:
    """What to create.

    Attributes:
        before: ConfigMaps that the pod mounts.
        pod: the driver's.
        after: what leads to it: Services, Ingresses, routes. The pod is their owner, and becomes
            that of what is ``before`` it.
    """

    before: tuple[dict[str, Any], ...]
    pod: dict[str, Any]
    after: tuple[dict[str, Any], ...]


def pod_name(spec: ApplicationSpec | None, attempt: Attempt) -> str:
    """The name of an attempt's driver pod."""
    conf = spec.spark_conf if spec else {}
    given = conf.get("spark.kubernetes.driver.pod.name")
    return given or f"{conf.get('spark.app.id') or attempt.id}-driver"


def plan_driver(spec: ApplicationSpec, attempt: Attempt) -> DriverPlan:
    """What an attempt's driver is made of.

    Raises:
        InvalidInput: it cannot be; names the field.
    """
    conf = effective_conf(spec, attempt)
    identity = conf["spark.app.id"]
    labels = role_labels(conf, attempt, spec.runtime_versions.spark_version)
    volumes: list[Pair] = []
    maps = [_config_map(each.name, each.data, {**each.labels}, attempt, each.annotations)
            for each in spec.config_map_specs]  # fmt: skip
    template = spec.executor_spec.pod_template_spec
    if template:
        name = f"{identity}-podspec-conf-map"
        text = json.dumps({"apiVersion": "v1", "kind": "Pod", **template}, indent=2)
        conf["spark.kubernetes.executor.podTemplateFile"] = f"{TEMPLATE_DIR}/{_TEMPLATE_FILE}"
        maps.append(_config_map(name, {_TEMPLATE_FILE: text}, labels, attempt))
        volumes.append(_mounted("pod-template-volume", name, TEMPLATE_DIR))
    name = f"{identity}-spark-drv-conf-map"
    data = {"spark.properties": properties(conf)}
    maps.append(_config_map(name, data, labels, attempt))
    volumes.append(_mounted("spark-conf-volume-driver", name, CONF_DIR))
    pod = driver_pod(spec, attempt, conf, volumes)
    service = _service(identity, conf, pod["metadata"]["labels"], attempt)
    return DriverPlan(tuple(maps), pod, (service, *routes_of(spec, attempt, pod)))


def _config_map(
    name: str,
    data: Mapping[str, str],
    labels: Mapping[str, str],
    attempt: Attempt,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": attempt.namespace,
        "labels": dict(labels),
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def _mounted(volume: str, config_map: str, path: str) -> Pair:
    # readable for whichever user the image runs as
    source = {"name": config_map, "defaultMode": 0o444}
    return {"name": volume, "configMap": source}, {"name": volume, "mountPath": path}


def _service(
    identity: str, conf: Mapping[str, str], selector: Mapping[str, str], attempt: Attempt
) -> dict[str, Any]:
    own = {
        key: value
        for key, value in selector.items()
        if key in ("spark-role", "spark-app-selector") or key.startswith("spark.operator/")
    }
    ports: list[dict[str, Any]] = [
        {"name": name, "port": port, "targetPort": port} for name, port in ports_of(conf).items()
    ]
    ports[-1]["appProtocol"] = "grpc"
    metadata = {
        "name": f"{identity}-driver-svc",
        "namespace": attempt.namespace,
        "labels": dict(own),
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        # executors look for a driver that is not ready yet
        "spec": {
            "clusterIP": "None",
            "selector": own,
            "ports": ports,
            "publishNotReadyAddresses": True,
        },
    }
