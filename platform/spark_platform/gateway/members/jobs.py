"""A SparkApplication as a job of the platform's other backends. Pure.

The inverse of ``backends/sk8/manifest.py``: what that makes comes back as it was. Whatever else a
SparkApplication may say means something to Kubernetes only, and is refused rather than left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from spark_platform.backends.settings import CONNECT_SERVER, is_platforms
from spark_platform.backends.sk8.manifest import (
    ACCOUNT,
    CONTAINER,
    IMAGE,
    KIND,
    MANAGED_BY,
    ROLES,
    TTL,
)
from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.kubernetes.resources import Object
from spark_platform.model import Executors, JobKind, JobSpec, Size

__all__ = ["job_of", "name_of"]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
# of the 40 that a job's name may have
_READABLE, _UNIQUE = 27, 12
_SPEC = (
    *("runtimeVersions", "mainClass", "jars", "pyFiles", "driverArgs", "sparkConf", "driverSpec"),
    *("applicationTolerations", "deploymentMode"),
)
# how long pods stay, and when there are enough of them, matters where there are pods
_TOLERATIONS = (
    *("restartConfig", "resourceRetainPolicy", "resourceRetainDurationMillis"),
    "instanceConfig",
)
_DIGITS, _LONGEST_TTL = 9, 12
_MEMORY = re.compile(r"(\d{1,9})([mgt]?)b?", re.IGNORECASE)
_MIB = {"": 1, "m": 1, "g": 1024, "t": 1024 * 1024}
_ALLOCATION = "spark.dynamicAllocation"
# Spark's own default
_INSTANCES = "2"


def name_of(application: Object) -> str:
    """The name of an application's job: its own as far as it goes, and a part of its uid.

    Names of jobs are for ever and of a whole backend, those of applications until they are deleted
    and of a namespace.
    """
    metadata = application["metadata"]
    readable = str(metadata["name"])[:_READABLE].replace(".", "-")
    return f"{readable}-{metadata['uid'].replace('-', '')[:_UNIQUE]}"


def job_of(
    application: Object,
    name: str,
    *,
    conf: Mapping[str, str] = MappingProxyType({}),
    provided: Iterable[str] = (),
) -> JobSpec:
    """The job of an application.

    Args:
        application: as it was admitted.
        name: the job's.
        conf: settings that the backend's jobs have, whatever the application says.
        provided: variables that they have by other means than a cluster's secrets.

    Raises:
        InvalidInput: it says what only Kubernetes understands; names the field.
    """
    metadata, spec = application["metadata"], application["spec"]
    called = str(metadata.get("name"))
    if not _NAME.fullmatch(called) or len(called) > _LONGEST_NAME:
        raise InvalidInput(f"metadata.name {called!r} is no name of an object")
    _only(spec, _SPEC, "spec")
    if spec.get("deploymentMode") not in (None, "ClusterMode"):
        raise _refused("spec.deploymentMode")
    _check_tolerations(_mapping(spec.get("applicationTolerations"), "spec.applicationTolerations"))
    given = _texts(spec.get("sparkConf"), "spec.sparkConf")
    image, account = given.pop(IMAGE, ""), given.pop(ACCOUNT, "spark")
    version = _version(spec)
    secrets, labels = _taken(given, "secretKeyRef"), _taken(given, "label")
    driver, executors = _sizes(given)
    main, main_class, py_files, jars = _program(spec, given)
    for key in sorted(given):
        if key.startswith("spark.kubernetes.") or is_platforms(key):
            raise _refused(f"spec.sparkConf[{key}]")
    own = {**labels, **(metadata.get("labels") or {})}
    annotations = metadata.get("annotations") or {}
    streams = annotations.get(KIND) == JobKind.STREAM.value
    ttl = annotations.get(TTL)
    return JobSpec(
        name=name,
        image=image.replace("{{SPARK_VERSION}}", version),
        spark_version=version,
        kind=JobKind.STREAM if streams else JobKind.BATCH,
        main=main,
        main_class=main_class,
        py_files=py_files,
        jars=jars,
        arguments=_list(spec.get("driverArgs"), "spec.driverArgs"),
        conf={**given, **conf},
        driver=driver,
        executors=executors,
        secrets={key: value for key, value in secrets.items() if key not in frozenset(provided)},
        service_account=account,
        labels={key: value for key, value in own.items() if MANAGED_BY.get(key) != value},
        timeout_s=_timeout_s(spec),
        # what is longer is for ever either way
        ttl_s=int(ttl[:_LONGEST_TTL]) if ttl is not None else None,
    )


def _program(
    spec: Mapping[str, Any], conf: dict[str, str]
) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Main program, its class, files of Python and jars beside it."""
    main_class = _text(spec.get("mainClass"), "spec.mainClass")
    jars = _split(_text(spec.get("jars"), "spec.jars"))
    py_files = _split(_text(spec.get("pyFiles"), "spec.pyFiles"))
    if main_class == CONNECT_SERVER:
        raise _refused("spec.mainClass: a Connect server")
    if jars:
        if py_files:
            raise _refused("spec.pyFiles beside spec.jars")
        return jars[0], main_class, (), jars[1:]
    if main_class:
        raise _refused("spec.mainClass without spec.jars")
    if not py_files:
        raise InvalidInput("spec.pyFiles and spec.jars are missing: there is nothing to run")
    return py_files[0], "", py_files[1:], _split(conf.pop("spark.jars", ""))


def _sizes(conf: dict[str, str]) -> tuple[Size, Executors]:
    """How large all is, taken out of the settings."""
    driver, executor = (
        Size(
            _number(conf, f"spark.{role}.cores", "1"),
            _memory(conf, f"spark.{role}.memory", "1024m"),
        )
        for role in ROLES
    )
    dynamic = conf.pop(f"{_ALLOCATION}.enabled", "false")
    tracks = conf.pop(f"{_ALLOCATION}.shuffleTracking.enabled", "true")
    minimum = _number(conf, f"{_ALLOCATION}.minExecutors", "0")
    initial = _number(conf, f"{_ALLOCATION}.initialExecutors", str(minimum))
    maximum = _number(conf, f"{_ALLOCATION}.maxExecutors", "0")
    instances = _number(conf, "spark.executor.instances", _INSTANCES)
    if dynamic != "true":
        return driver, Executors(executor, instances, instances)
    if tracks != "true":
        raise _refused(f"spec.sparkConf[{_ALLOCATION}.shuffleTracking.enabled]")
    if not maximum:
        raise InvalidInput(
            f"spec.sparkConf[{_ALLOCATION}.maxExecutors] is missing", hint="say how many at most"
        )
    if initial != minimum:
        raise _refused(f"spec.sparkConf[{_ALLOCATION}.initialExecutors] that is not the minimum")
    return driver, Executors(executor, minimum, maximum)


def _taken(conf: dict[str, str], kind: str) -> dict[str, str]:
    """What driver and executors have alike of a kind of setting, taken out of the settings."""
    found: list[dict[str, str]] = []
    for role in ROLES:
        prefix = f"spark.kubernetes.{role}.{kind}."
        keys = [key for key in conf if key.startswith(prefix)]
        found.append({key.removeprefix(prefix): conf.pop(key) for key in keys})
    driver, executor = found
    for key, value in {**driver, **executor}.items():
        if driver.get(key) != executor.get(key):
            role = "driver" if driver.get(key) == value else "executor"
            raise _refused(f"spec.sparkConf[spark.kubernetes.{role}.{kind}.{key}] of one role")
    return driver


def _check_tolerations(found: Mapping[str, Any]) -> None:
    path = "spec.applicationTolerations"
    _only(found, _TOLERATIONS, path)
    restart = _mapping(found.get("restartConfig"), f"{path}.restartConfig")
    if restart.get("restartPolicy") not in (None, "Never"):
        raise _refused(f"{path}.restartConfig.restartPolicy {restart['restartPolicy']}")


def _timeout_s(spec: Mapping[str, Any]) -> int | None:
    """The limit of the driver's pod; all else that a template may say is refused."""
    path = "spec.driverSpec.podTemplateSpec"
    driver = _mapping(spec.get("driverSpec"), "spec.driverSpec")
    _only(driver, ("podTemplateSpec",), "spec.driverSpec")
    template = _mapping(driver.get("podTemplateSpec"), path)
    _only(template, ("spec",), path)
    pod = dict(_mapping(template.get("spec"), f"{path}.spec"))
    timeout = pod.pop("activeDeadlineSeconds", None)
    if pod not in ({}, {"containers": [{"name": CONTAINER}]}):
        raise _refused(f"{path}.spec.{', '.join(sorted(pod))}")
    if timeout is not None and (type(timeout) is not int or timeout < 1):
        raise InvalidInput(f"{path}.spec.activeDeadlineSeconds is {timeout!r}, no positive number")
    return timeout


def _version(spec: Mapping[str, Any]) -> str:
    path = "spec.runtimeVersions"
    found = _text(
        _mapping(spec.get("runtimeVersions"), path).get("sparkVersion"), f"{path}.sparkVersion"
    )
    if not found:
        raise InvalidInput(f"{path}.sparkVersion is missing")
    return found


def _number(conf: dict[str, str], key: str, default: str) -> int:
    text = conf.pop(key, default)
    if not text.isdecimal() or len(text) > _DIGITS:
        raise InvalidInput(f"spec.sparkConf[{key}] is {text!r}, no number")
    return int(text)


def _memory(conf: dict[str, str], key: str, default: str) -> int:
    text = conf.pop(key, default)
    found = _MEMORY.fullmatch(text)
    if found is None:
        raise InvalidInput(f"spec.sparkConf[{key}] is {text!r}", hint="such as 1024m or 2g")
    return int(found[1]) * _MIB[found[2].lower()]


def _only(found: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    for key, value in found.items():
        if key not in known and value not in (None, "", [], {}):
            raise _refused(f"{path}.{key}")


def _refused(what: str) -> InvalidInput:
    return InvalidInput(f"{what} is for Kubernetes alone", hint="leave it out, or run it there")


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str | None):
        raise InvalidInput(f"{path} is no text")
    return value or ""


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping | None):
        raise InvalidInput(f"{path} is no mapping")
    return value or {}


def _texts(value: Any, path: str) -> dict[str, str]:
    return {key: _text(each, f"{path}[{key}]") for key, each in _mapping(value, path).items()}


def _list(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list | None) or not all(isinstance(each, str) for each in value or ()):
        raise InvalidInput(f"{path} is no list of texts")
    return tuple(value or ())


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
