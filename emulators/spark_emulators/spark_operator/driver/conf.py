"""The configuration that a driver starts with: the user's, and what the operator sets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spark_emulators.spark_operator.driver.names import app_id, labels_of
from spark_emulators.spark_operator.resources.application import ApplicationSpec
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Attempt", "effective_conf", "ports_of", "with_prefix"]

POD_NAME = "spark.kubernetes.driver.pod.name"
# a driver's ports by their names: which setting says it, and what it is without one
_PORTS = {
    "driver-rpc-port": ("spark.driver.port", "7078"),
    "blockmanager": ("spark.driver.blockManager.port", "7079"),
    "spark-ui": ("spark.ui.port", "4040"),
    "spark-connect": ("spark.connect.grpc.binding.port", "15002"),
}
_VERSION = re.compile(r"spark\.kubernetes\..*container\.image")
_IN_CLUSTER = "k8s://https://kubernetes.default.svc:443"


@dataclass(frozen=True)
class Attempt:
    """Of which application a driver is.

    Attributes:
        namespace, name, uid: of the SparkApplication.
        number: of the attempt, from 0.
        operator: the operator's name.
    """

    namespace: str
    name: str
    uid: str
    number: int
    operator: str

    @property
    def id(self) -> str:
        """``spark.app.id``, where the user did not set one."""
        return app_id(self.namespace, self.name, self.number)


def effective_conf(spec: ApplicationSpec, attempt: Attempt) -> dict[str, str]:
    """All settings of the driver.

    Raises:
        InvalidInput: the image is missing, or a setting is one that cannot be kept.
    """
    conf = dict(spec.spark_conf)
    _refuse(conf)
    version = spec.runtime_versions.spark_version
    for key, value in conf.items():
        if _VERSION.fullmatch(key):
            conf[key] = value.replace("{{SPARK_VERSION}}", version)
    _set_defaults(conf, spec, attempt)
    conf["spark.kubernetes.namespace"] = attempt.namespace
    for role in ("driver", "driver.service", "executor"):
        for label, value in labels_of(attempt.operator, attempt.name).items():
            conf[f"spark.kubernetes.{role}.label.{label}"] = value
    if "spark.app.name" in conf:
        conf["spark.app.name"] = attempt.name
    service = f"{conf['spark.app.id']}-driver-svc"
    return conf | {
        "spark.driver.host": f"{service}.{attempt.namespace}.svc",
        "spark.kubernetes.submitInDriver": "true",
        "spark.submit.deployMode": "cluster",
    }


def ports_of(conf: Mapping[str, str]) -> dict[str, int]:
    """A driver's ports, by their names.

    Raises:
        InvalidInput: one is none.
    """
    found = {}
    for name, (key, default) in _PORTS.items():
        text = conf.get(key, default)
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise InvalidInput(f"spec.sparkConf[{key}]: {text!r} is no port", hint="1 to 65535")
        found[name] = int(text)
    return found


def with_prefix(conf: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    """Settings that begin with ``prefix``, without it, in order."""
    for key in sorted(conf):
        if key.startswith(prefix):
            yield key.removeprefix(prefix), conf[key]


def _set_defaults(conf: dict[str, str], spec: ApplicationSpec, attempt: Attempt) -> None:
    identity = conf.setdefault("spark.app.id", attempt.id)
    for key, value in {
        "spark.master": _IN_CLUSTER,
        "spark.authenticate": "true",
        "spark.io.encryption.enabled": "true",
        "spark.kubernetes.driver.annotateExitException": "true",
        "spark.kubernetes.executor.useDriverPodIP": "true",
        "spark.driver.port": "7078",
        "spark.driver.blockManager.port": "7079",
        POD_NAME: f"{identity}-driver",
    }.items():
        conf.setdefault(key, value)
    static = conf.get("spark.dynamicAllocation.enabled", "false").lower() != "true"
    if static and spec.application_tolerations.restart_config.restart_policy == "Never":
        # they end with their driver, which the operator deletes
        conf.setdefault("spark.kubernetes.executor.deleteOnTermination", "false")
    if spec.jars:
        conf.setdefault("spark.jars", spec.jars)
    # without jars the first of them is what is run
    modules = (spec.py_files or "").split(",")[0 if spec.jars else 1 :]
    if any(modules):
        conf.setdefault("spark.submit.pyFiles", ",".join(modules))


def _refuse(conf: Mapping[str, str]) -> None:
    if not {"spark.kubernetes.container.image", "spark.kubernetes.driver.container.image"} & {
        key for key, value in conf.items() if value
    }:
        raise InvalidInput(
            "spec.sparkConf[spark.kubernetes.container.image] is missing: no image to run",
            hint="name an image of Spark, such as spark-platform:4.1-latest",
        )
    for key in conf:
        if key.startswith("spark.kubernetes.kerberos."):
            raise InvalidInput(f"spec.sparkConf[{key}]: Kerberos is not supported")
        if key in (
            "spark.kubernetes.driver.podTemplateFile",
            "spark.kubernetes.executor.podTemplateFile",
        ):
            raise InvalidInput(
                f"spec.sparkConf[{key}]: the operator reads no files",
                hint="put the template into spec.driverSpec or spec.executorSpec",
            )
