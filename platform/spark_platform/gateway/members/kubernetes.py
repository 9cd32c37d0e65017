"""A Kubernetes cluster with the Spark operator, behind the gateway."""

from __future__ import annotations

import logging

from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway import driver_tokens
from spark_platform.gateway.deletions import Deletion
from spark_platform.gateway.namespaces import Namespaces
from spark_platform.gateway.routing import Cluster
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes, Watch
from spark_platform.kernel.kubernetes.resources import Object, key_of

__all__ = ["KubernetesMember"]

_LOG = logging.getLogger(__name__)


class KubernetesMember:
    """One cluster: its API is asked, nothing is kept here. Implements ``Member``.

    Args:
        cluster: as routing sees it.
        kubernetes: its API.
        namespaces: makes those of domains; None where somebody else does.
    """

    def __init__(
        self, cluster: Cluster, kubernetes: Kubernetes, namespaces: Namespaces | None = None
    ) -> None:
        self.cluster, self.kubernetes, self._namespaces = cluster, kubernetes, namespaces

    def check(self) -> None:
        self.kubernetes.version()

    def against(self, application: Object) -> str:
        del application
        return ""

    def create(self, application: Object, domain: str, validation: str) -> Object:
        namespace, _ = key_of(application)
        if self._namespaces is not None:
            self._namespaces.ensure(namespace, domain)
        if not driver_tokens.is_connect(application):
            return self.kubernetes.create(
                APPLICATIONS, namespace, application, validation=validation
            )
        driver_tokens.ensure(self.kubernetes, application)
        made = self.kubernetes.create(APPLICATIONS, namespace, application, validation=validation)
        try:
            driver_tokens.adopt(self.kubernetes, made)
        except PlatformError as error:
            # the application is there, which must not seem to be refused
            _LOG.warning("the token of %s/%s stays after it: %s", *key_of(made), error.message)
        return made

    def get(self, namespace: str, name: str) -> Object:
        return self.kubernetes.get(APPLICATIONS, namespace, name)

    def list(self, namespace: str = "", labels: str = "") -> tuple[list[Object], str]:
        return self.kubernetes.list(APPLICATIONS, namespace, labels)

    def watch(self, namespace: str, labels: str, version: str) -> Watch:
        return self.kubernetes.watch(APPLICATIONS, namespace, labels, version)

    def delete(self, namespace: str, name: str, deletion: Deletion) -> None:
        self.kubernetes.delete(
            APPLICATIONS,
            namespace,
            name,
            uid=deletion.uid,
            grace_s=deletion.grace_s,
            propagation=deletion.propagation,
        )

    def pod(self, namespace: str, name: str) -> Object:
        return self.kubernetes.get(PODS, namespace, name)

    def logs(self, namespace: str, pod: str, container: str, tail: int | None) -> str:
        return self.kubernetes.logs(namespace, pod, container, tail)

    def close(self) -> None:
        self.kubernetes.close()
