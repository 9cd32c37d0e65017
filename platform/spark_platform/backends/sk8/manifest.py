"""A job as a SparkApplication. Pure.

Nothing here needs an operator of ours: the fields are those of ``spark.apache.org/v1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from spark_platform.backends.settings import (
    ASK_CONNECT,
    CONNECT_ANSWERS_WITHIN_S,
    CONNECT_SERVER,
    settings_of,
    sizes_of,
)
from spark_platform.model import JobKind, JobSpec

__all__ = [
    "ACCOUNT",
    "API_VERSION",
    "CONTAINER",
    "DIGEST",
    "IMAGE",
    "KIND",
    "MANAGED_BY",
    "ROLES",
    "TTL",
    "manifest",
]

API_VERSION = "spark.apache.org/v1"
MANAGED_BY = {"app.kubernetes.io/managed-by": "spark-platform"}
DIGEST = "spark-platform/digest"
TTL = "spark-platform/ttl-s"
"""The annotation that says after how many seconds a finished application may be deleted."""
KIND = "spark-platform/kind"
"""The annotation of what does not end by itself, and is no Connect server: ``stream``."""
CONTAINER = "spark-kubernetes-driver"
IMAGE = "spark.kubernetes.container.image"
ACCOUNT = "spark.kubernetes.authenticate.driver.serviceAccountName"
ROLES = ("driver", "executor")


def manifest(
    job: JobSpec,
    namespace: str,
    *,
    kept_s: int,
    conf: Mapping[str, str] = MappingProxyType({}),
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """The SparkApplication of a job.

    Args:
        kept_s: how long its pods stay after its end, for their logs.
        conf: settings where the job has none.
        secrets: variables where the job has none → ``secret:key``.

    Raises:
        InvalidInput: a setting is the platform's.
    """
    executors = job.executors
    annotations = {DIGEST: job.digest}
    if job.ttl_s is not None:
        annotations[TTL] = str(job.ttl_s)
    if job.kind is JobKind.STREAM:
        annotations[KIND] = job.kind.value
    spec: dict[str, Any] = {
        "runtimeVersions": {"sparkVersion": job.spark_version},
        "driverArgs": list(job.arguments),
        "sparkConf": _conf(job, conf, secrets),
        "driverSpec": {"podTemplateSpec": _driver(job)},
        "applicationTolerations": {
            # whether another attempt follows is the platform's to say
            "restartConfig": {"restartPolicy": "Never"},
            "resourceRetainPolicy": "Always",
            "resourceRetainDurationMillis": kept_s * 1000,
            "instanceConfig": {
                "initExecutors": executors.minimum,
                "minExecutors": 0,
                "maxExecutors": executors.maximum,
            },
        },
    }
    if job.kind is JobKind.CONNECT:
        spec["mainClass"] = CONNECT_SERVER
    elif job.main_class or job.main.endswith(".jar"):
        spec["jars"] = ",".join((job.main, *job.jars))
        if job.main_class:
            spec["mainClass"] = job.main_class
    else:
        spec["pyFiles"] = ",".join((job.main, *job.py_files))
    return {
        "apiVersion": API_VERSION,
        "kind": "SparkApplication",
        "metadata": {
            "name": job.name,
            "namespace": namespace,
            "labels": {**job.labels, **MANAGED_BY},
            "annotations": annotations,
        },
        "spec": spec,
    }


def _conf(job: JobSpec, defaults: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    conf = {
        **defaults,
        IMAGE: job.image,
        ACCOUNT: job.service_account,
        **settings_of(job),
        **sizes_of(job),
    }
    if job.kind is JobKind.CONNECT:
        conf.setdefault("spark.scheduler.mode", "FAIR")
        # clients are elsewhere
        conf.setdefault("spark.connect.grpc.binding.address", "0.0.0.0")  # noqa: S104
    if job.jars and not job.main.endswith(".jar"):
        conf["spark.jars"] = ",".join(job.jars)
    for variable, reference in {**secrets, **job.secrets}.items():
        for role in ROLES:
            conf[f"spark.kubernetes.{role}.secretKeyRef.{variable}"] = reference
    for label, value in job.labels.items():
        for role in ROLES:
            conf[f"spark.kubernetes.{role}.label.{label}"] = value
    return conf


def _driver(job: JobSpec) -> dict[str, Any]:
    container: dict[str, Any] = {"name": CONTAINER}
    if job.kind is JobKind.CONNECT:
        container["startupProbe"] = {
            "exec": {"command": ["sh", "-c", ASK_CONNECT]},
            "periodSeconds": 1,
            "timeoutSeconds": 10,
            "failureThreshold": CONNECT_ANSWERS_WITHIN_S,
        }
    pod: dict[str, Any] = {"containers": [container]}
    if job.timeout_s is not None:
        pod["activeDeadlineSeconds"] = job.timeout_s
    return {"spec": pod}
