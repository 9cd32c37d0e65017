"""The namespaces of domains on their clusters, made when they are first needed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.resources import Object, Resource
from spark_platform.model import DOMAIN

__all__ = ["Namespaces", "read_objects"]

_NAMESPACES = Resource("v1", "namespaces")
_MANAGER = "spark-gateway"


def read_objects(path: Path) -> tuple[Object, ...]:
    """The objects that a file has for each namespace: documents of YAML, without a namespace.

    Raises:
        InvalidInput: it cannot be read, or one of them is no object.
    """
    try:
        found = [each for each in yaml.safe_load_all(path.read_bytes()) if each is not None]
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is no YAML: {error}") from error
    for each in found:
        named = isinstance(each, Mapping) and isinstance(each.get("metadata"), Mapping)
        if not named or not all(isinstance(each.get(key), str) for key in ("apiVersion", "kind")):
            raise InvalidInput(f"{path}: each document has apiVersion, kind and metadata")
        if not each["metadata"].get("name") or "namespace" in each["metadata"]:
            raise InvalidInput(f"{path}: metadata has a name, and no namespace")
    return tuple(found)


class Namespaces:
    """The namespaces of one cluster.

    Args:
        kubernetes: its API.
        objects: what each namespace has: service accounts, their rights, secrets.
    """

    def __init__(self, kubernetes: Kubernetes, objects: Sequence[Object]) -> None:
        self._kubernetes, self._objects = kubernetes, objects
        self._there: set[str] = set()
        self._resources: dict[tuple[str, str], Resource] = {}
        self._lock = threading.Lock()

    def ensure(self, namespace: str, domain: str) -> None:
        """Have a namespace, and in it what it is to have; others' changes there are undone.

        Raises:
            PlatformError: the cluster refuses, or does not answer; the next call tries again.
        """
        with self._lock:
            if namespace in self._there:
                return
            labels = {DOMAIN: domain}
            value = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": namespace, "labels": labels},
            }
            with contextlib.suppress(AlreadyExists):
                self._kubernetes.create(_NAMESPACES, "", value)
            for each in self._objects:
                self._kubernetes.apply(self._resource(each), _in(each, namespace), _MANAGER)
            self._there.add(namespace)

    def _resource(self, value: Object) -> Resource:
        version, kind = value["apiVersion"], value["kind"]
        known = self._resources.get((version, kind))
        if known is None:
            known = self._resources[version, kind] = self._discovered(version, kind)
        return known

    def _discovered(self, version: str, kind: str) -> Resource:
        root = "/apis" if "/" in version else "/api"
        found: list[dict[str, Any]] = self._kubernetes.document(f"{root}/{version}")["resources"]
        for each in found:
            if each["kind"] == kind and "/" not in each["name"]:
                return Resource(version, each["name"])
        raise InvalidInput(f"the cluster has no {version} {kind}")


def _in(value: Object, namespace: str) -> Object:
    """An object of a namespace; subjects of a binding without one are accounts of the same."""
    changed: dict[str, Any] = {**value, "metadata": {**value["metadata"], "namespace": namespace}}
    if "subjects" in value:
        changed["subjects"] = [{"namespace": namespace, **each} for each in value["subjects"]]
    return changed
