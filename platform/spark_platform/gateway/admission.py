"""What becomes of an application at the door: refused, or stamped with whose it is. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from spark_platform.backends.sk8.manifest import API_VERSION, TTL
from spark_platform.backends.sk8.status import CLUSTER
from spark_platform.gateway import driver_tokens
from spark_platform.gateway.policy import Domain
from spark_platform.identity import Caller
from spark_platform.kernel.errors import Forbidden, InvalidInput
from spark_platform.kernel.kubernetes.resources import Object
from spark_platform.model import DOMAIN

__all__ = ["ARCHIVED", "JOB", "NAMED", "PLACED", "REGION", "USER", "admitted", "placed"]

KIND = "SparkApplication"
USER = "spark-platform/submitted-by"
"""The annotation that says who made it."""
PLACED = "spark-platform/placed-at"
"""The annotation that says which of its name's placements an application is of."""
JOB = "spark-platform/backend-job"
"""The annotation that says what an application's job is, where that is no Kubernetes' object."""
ARCHIVED = "spark-platform/archived"
"""The annotation of one that is not on its cluster any more."""
NAMED, REGION = "spark-platform/wants-cluster", "spark-platform/region"
"""Annotations by which an application asks for a cluster, and says where its data lies."""

_ACCOUNTS = (
    "spark.kubernetes.authenticate.driver.serviceAccountName",
    "spark.kubernetes.authenticate.executor.serviceAccountName",
    "spark.kubernetes.authenticate.serviceAccountName",
)
_NAMESPACE = "spark.kubernetes.namespace"
# of files that only the operator or the driver sees: what is in them cannot be looked at here
_TEMPLATES = (
    "spark.kubernetes.driver.podTemplateFile",
    "spark.kubernetes.executor.podTemplateFile",
)
_POD_LABELS = ("spark.kubernetes.driver.label.", "spark.kubernetes.executor.label.")


def admitted(value: Any, caller: Caller, name: str, domain: Domain, namespace: str) -> Object:
    """An application as its cluster is to have it.

    Args:
        value: what was sent.
        caller: who sent it.
        name: of the domain.
        namespace: of the request's path, which is the domain's.

    Raises:
        InvalidInput: it is no SparkApplication of that namespace.
        Forbidden: it asks for what the domain may not have.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("metadata"), Mapping):
        raise InvalidInput("the body is no object with metadata")
    found = (value.get("apiVersion"), value.get("kind"))
    if found != (API_VERSION, KIND):
        raise InvalidInput(
            f"the body is a {found[0]} {found[1]}, this is the place of a {API_VERSION} {KIND}"
        )
    if not isinstance(value.get("spec"), Mapping):
        raise InvalidInput("spec is missing")
    made: dict[str, Any] = copy.deepcopy(dict(value))
    metadata = made["metadata"]
    if metadata.get("namespace", namespace) != namespace:
        raise InvalidInput(
            f'metadata.namespace is "{metadata["namespace"]}", the request\'s is "{namespace}"'
        )
    for field, asked, allowed in _asks(made["spec"], name, domain, namespace):
        if asked not in allowed:
            raise Forbidden(
                f'{field} is "{asked}", which domain {name} may not have',
                hint=f"allowed: {', '.join(allowed)}" if allowed else "leave it out",
            )
    labels = _texts(metadata, "labels")
    if labels.get(DOMAIN, name) != name:
        raise Forbidden(
            f'the label {DOMAIN} is "{labels[DOMAIN]}", the domain is {name}',
            hint="leave it out: it is set here",
        )
    annotations = _texts(metadata, "annotations")
    for key in (USER, CLUSTER, PLACED, ARCHIVED, JOB):
        annotations.pop(key, None)
    if not annotations.get(TTL, "0").isdecimal():
        raise InvalidInput(
            f'the annotation {TTL} is "{annotations[TTL]}"', hint="a number of seconds"
        )
    metadata["namespace"] = namespace
    metadata["labels"] = {**labels, DOMAIN: name}
    metadata["annotations"] = {**annotations, USER: caller.user}
    for key in ("finalizers", "ownerReferences", "managedFields"):
        metadata.pop(key, None)
    made.pop("status", None)
    return driver_tokens.guarded(made) if driver_tokens.is_connect(made) else made


def placed(value: Object, annotations: Mapping[str, str]) -> Object:
    """An application with annotations of the gateway's own: where it is, whose placement it is."""
    metadata = value["metadata"]
    both = {**(metadata.get("annotations") or {}), **annotations}
    return {**value, "metadata": {**metadata, "annotations": both}}


def _asks(
    spec: Mapping[str, Any], name: str, domain: Domain, namespace: str
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What a specification asks for by a name that is not everybody's: field, value, allowed."""
    conf = spec.get("sparkConf") or {}
    if isinstance(conf, Mapping):
        for key in _ACCOUNTS:
            if key in conf:
                yield f"spec.sparkConf[{key}]", str(conf[key]), domain.service_accounts
        if _NAMESPACE in conf:
            yield f"spec.sparkConf[{_NAMESPACE}]", str(conf[_NAMESPACE]), (namespace,)
        for key in _TEMPLATES:
            if key in conf:
                yield f"spec.sparkConf[{key}]", str(conf[key]), ()
        for key in (f"{prefix}{DOMAIN}" for prefix in _POD_LABELS):
            if key in conf:
                yield f"spec.sparkConf[{key}]", str(conf[key]), (name,)
    for role in ("driverSpec", "executorSpec"):
        template = _inside(spec, role, "podTemplateSpec")
        path = f"spec.{role}.podTemplateSpec"
        label = _inside(template, "metadata", "labels").get(DOMAIN)
        if label is not None:
            yield f"{path}.metadata.labels[{DOMAIN}]", str(label), (name,)
        where = _inside(template, "metadata").get("namespace")
        if where is not None:
            yield f"{path}.metadata.namespace", str(where), (namespace,)
        pod = _inside(template, "spec")
        for field in ("serviceAccountName", "serviceAccount"):
            if pod.get(field):
                yield f"{path}.spec.{field}", str(pod[field]), domain.service_accounts


def _inside(value: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _texts(metadata: Mapping[str, Any], field: str) -> dict[str, str]:
    found = metadata.get(field) or {}
    if not isinstance(found, Mapping) or not all(isinstance(each, str) for each in found.values()):
        raise InvalidInput(f"metadata.{field} is no mapping of texts")
    return dict(found)
