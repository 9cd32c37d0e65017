"""The driver's pod: the user's template with what Spark needs put in.

Source: Spark's ``BasicDriverFeatureStep``, ``DriverCommandFeatureStep`` and their kin, in their
order: what Spark needs wins over the template, lists of the template stay.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from spark_emulators.spark_operator.driver.conf import Attempt, ports_of, with_prefix
from spark_emulators.spark_operator.driver.names import app_label, labels_of
from spark_emulators.spark_operator.driver.sizes import request_mib
from spark_emulators.spark_operator.driver.volumes import Pair, local_dir, mounts_of
from spark_emulators.spark_operator.observation import DRIVER_CONTAINER
from spark_emulators.spark_operator.resources.application import ApplicationSpec
from spark_platform.kernel.errors import InvalidInput

__all__ = ["CONF_DIR", "driver_pod", "role_labels"]

CONF_DIR, TEMPLATE_DIR = "/opt/spark/conf", "/opt/spark/pod-template"
_PYTHON, _R = "org.apache.spark.deploy.PythonRunner", "org.apache.spark.deploy.RRunner"
_NO_RESOURCE = "spark-internal"
_PULL = "spark.kubernetes.container.image."


def driver_pod(
    spec: ApplicationSpec, attempt: Attempt, conf: Mapping[str, str], volumes: list[Pair]
) -> dict[str, Any]:
    """The pod to create.

    Args:
        volumes: with Spark's own files, and where they are mounted.

    Raises:
        InvalidInput: there is nothing to run, or a setting cannot be read.
    """
    pod = copy.deepcopy(spec.driver_spec.pod_template_spec or {})
    metadata, podspec = pod.setdefault("metadata", {}), pod.setdefault("spec", {})
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    _describe(metadata, spec, attempt, conf)
    container = _main(podspec, conf)
    given = mounts_of(conf)
    scratch, folders = local_dir(conf, conf["spark.app.id"], given)
    for volume, mount in (*volumes, *given, *scratch):
        _put(podspec.setdefault("volumes", []), "name", volume)
        _put(container.setdefault("volumeMounts", []), "mountPath", mount)
    _fill(container, spec, conf, folders)
    _place(podspec, conf)
    for each in podspec["containers"]:
        security = each["securityContext"] = each.get("securityContext") or {}
        security.setdefault("allowPrivilegeEscalation", False)
    return pod


def role_labels(conf: Mapping[str, str], attempt: Attempt, version: str) -> dict[str, str]:
    """Spark's labels of a driver."""
    return {
        "spark-role": "driver",
        "spark-app-selector": conf["spark.app.id"],
        "spark-app-name": app_label(attempt.name),
        "spark-version": version,
        **labels_of(attempt.operator, attempt.name),
    }


def command(spec: ApplicationSpec) -> list[str]:
    """Class, resource and arguments, as the image's entrypoint takes them.

    Raises:
        InvalidInput: there is nothing to run.
    """
    main, resource = spec.main_class, _NO_RESOURCE
    if spec.jars:
        resource = spec.jars
    elif spec.py_files:
        main = main or _PYTHON
        resource = spec.py_files.split(",")[0] if main == _PYTHON else spec.py_files
    elif spec.spark_r_files:
        main, resource = main or _R, spec.spark_r_files
    elif main is None:
        raise InvalidInput(
            "spec has neither mainClass nor jars, pyFiles or sparkRFiles: there is nothing to run",
            hint="name a class, or a file that the image has: local:///opt/platform/jobs/job.py",
        )
    elif main in (_PYTHON, _R):
        raise InvalidInput(
            f"spec.mainClass {main} runs a script, and there is none",
            hint="name it in spec.pyFiles or spec.sparkRFiles",
        )
    user = ["--proxy-user", spec.proxy_user] if spec.proxy_user else []
    of_class = ["--class", main] if main else []
    file = f"{CONF_DIR}/spark.properties"
    return ["driver", *user, "--properties-file", file, *of_class, resource, *spec.driver_args]


def _describe(
    metadata: dict[str, Any], spec: ApplicationSpec, attempt: Attempt, conf: Mapping[str, str]
) -> None:
    own = dict(with_prefix(conf, "spark.kubernetes.driver.label."))
    labels = role_labels(conf, attempt, spec.runtime_versions.spark_version)
    metadata["labels"] = {**(metadata.get("labels") or {}), **own, **labels}
    annotations = dict(with_prefix(conf, "spark.kubernetes.driver.annotation."))
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    metadata |= {
        "name": conf["spark.kubernetes.driver.pod.name"],
        "namespace": attempt.namespace,
        "ownerReferences": [
            {
                "apiVersion": "spark.apache.org/v1",
                "kind": "SparkApplication",
                "name": attempt.name,
                "uid": attempt.uid,
                "controller": False,
                "blockOwnerDeletion": True,
            }
        ],
    }
    metadata.pop("generateName", None)


def _main(podspec: dict[str, Any], conf: Mapping[str, str]) -> dict[str, Any]:
    """The container that Spark runs in: the named one, or the template's first, or a new one."""
    containers: list[dict[str, Any]] = podspec.setdefault("containers", [])
    wanted = conf.get("spark.kubernetes.driver.podTemplateContainerName", "")
    for each in containers:
        if not wanted or each.get("name", "").lower() == wanted.lower():
            each.setdefault("name", DRIVER_CONTAINER)
            return each
    if wanted:
        raise InvalidInput(
            "spec.sparkConf[spark.kubernetes.driver.podTemplateContainerName]: the template of "
            f"spec.driverSpec has no container {wanted!r}",
            hint=f"it has: {', '.join(each.get('name', '?') for each in containers) or 'none'}",
        )
    containers.append({"name": DRIVER_CONTAINER})
    return containers[0]


def _fill(
    container: dict[str, Any], spec: ApplicationSpec, conf: Mapping[str, str], folders: str
) -> None:
    image = (
        conf.get("spark.kubernetes.driver.container.image")
        or conf["spark.kubernetes.container.image"]
    )
    container |= {
        "image": image,
        "imagePullPolicy": conf.get(f"{_PULL}pullPolicy", "IfNotPresent"),
        "args": command(spec),
    }
    container.pop("command", None)
    for name, port in ports_of(conf).items():
        entry = {"name": name, "containerPort": port, "protocol": "TCP"}
        _put(container.setdefault("ports", []), "name", entry)
    for variable in _environment(conf, folders):
        _put(container.setdefault("env", []), "name", variable)
    script = bool(spec.py_files or spec.spark_r_files) and not spec.jars
    memory = f"{request_mib(conf, python=script)}Mi"
    resources = container["resources"] = container.get("resources") or {}
    cores = conf.get("spark.kubernetes.driver.request.cores", conf.get("spark.driver.cores", "1"))
    requests = {**(resources.get("requests") or {}), "cpu": cores, "memory": memory}
    limits = {**(resources.get("limits") or {}), "memory": memory}
    if "spark.kubernetes.driver.limit.cores" in conf:
        limits["cpu"] = conf["spark.kubernetes.driver.limit.cores"]
    resources |= {"requests": requests, "limits": limits}


def _environment(conf: Mapping[str, str], folders: str) -> list[dict[str, Any]]:
    of_pod = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
    found: list[dict[str, Any]] = [
        {"name": "SPARK_USER", "value": "spark"},
        {"name": "SPARK_APPLICATION_ID", "value": conf["spark.app.id"]},
        {"name": "SPARK_DRIVER_BIND_ADDRESS", "valueFrom": of_pod},
        {"name": "SPARK_LOCAL_DIRS", "value": folders},
        {"name": "SPARK_CONF_DIR", "value": CONF_DIR},
    ]
    for name, key in (
        ("PYSPARK_PYTHON", "spark.pyspark.python"),
        ("PYSPARK_DRIVER_PYTHON", "spark.pyspark.driver.python"),
    ):
        if key in conf:
            found.append({"name": name, "value": conf[key]})
    for name, value in with_prefix(conf, "spark.kubernetes.driverEnv."):
        found.append({"name": name, "value": value})
    for name, reference in with_prefix(conf, "spark.kubernetes.driver.secretKeyRef."):
        secret, _, key = reference.partition(":")
        source = {"secretKeyRef": {"name": secret, "key": key}}
        found.append({"name": name, "valueFrom": source})
    return found


def _place(podspec: dict[str, Any], conf: Mapping[str, str]) -> None:
    podspec["restartPolicy"] = "Never"
    podspec.setdefault("terminationGracePeriodSeconds", 30)
    for prefix in ("spark.kubernetes.node.selector.", "spark.kubernetes.driver.node.selector."):
        for name, value in with_prefix(conf, prefix):
            podspec.setdefault("nodeSelector", {})[name] = value
    for field, keys in {
        "serviceAccountName": (
            "spark.kubernetes.authenticate.driver.serviceAccountName",
            "spark.kubernetes.authenticate.serviceAccountName",
        ),
        "schedulerName": (
            "spark.kubernetes.driver.scheduler.name",
            "spark.kubernetes.scheduler.name",
        ),
        "priorityClassName": ("spark.kubernetes.driver.priorityClassName",),
    }.items():
        given = [conf[key] for key in keys if key in conf]
        if given:
            podspec[field] = given[0]
    secrets = conf.get(f"{_PULL}pullSecrets", "")
    for name in filter(None, (each.strip() for each in secrets.split(","))):
        _put(podspec.setdefault("imagePullSecrets", []), "name", {"name": name})


def _put(entries: list[dict[str, Any]], key: str, entry: dict[str, Any]) -> None:
    """Add an entry in place of the one that has the same ``key``."""
    entries[:] = [each for each in entries if each.get(key) != entry[key]] + [entry]
