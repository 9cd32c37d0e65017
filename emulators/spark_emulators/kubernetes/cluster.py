"""A cluster without HTTP: what the wire serves, and what a scheduler, kubelet or controller uses.

Everything here is synchronous and belongs to one event loop: a call sees and leaves a consistent
store. Controllers of the API's own semantics run with ``start``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from spark_emulators.kubernetes.api import deletion, kinds, patches, writes
from spark_emulators.kubernetes.api.admission.chain import default_admission
from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.lists import Page, list_objects
from spark_emulators.kubernetes.api.registry import Registry, Resource
from spark_emulators.kubernetes.api.requests import (
    DeleteOptions,
    ListOptions,
    WatchOptions,
    WriteOptions,
)
from spark_emulators.kubernetes.api.watches import Watch
from spark_emulators.kubernetes.auth.bootstrap import bootstrap_roles
from spark_emulators.kubernetes.auth.tokens import Tokens
from spark_emulators.kubernetes.errors import ApiError, no_such_path
from spark_emulators.kubernetes.faults import Faults
from spark_emulators.kubernetes.runtime import NodeRuntime, NoNodes
from spark_emulators.kubernetes.store.memory import MemoryStore
from spark_emulators.kubernetes.store.store import Object, Store

__all__ = ["Cluster"]

assert kinds  # importing them fills the table of strategies

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class Cluster:
    """One emulated cluster.

    Args:
        store: where objects are kept; memory by default.
        now: seconds since the epoch.
        ca: the certificate authority's PEM, for ``kube-root-ca.crt``.
        tokens: signs service account tokens; its own by default.
        runtime: what the nodes do for logs and exec; a kubelet sets it.

    Attributes:
        faults: what goes wrong on purpose.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        now: Callable[[], float] = time.time,
        ca: str = "",
        tokens: Tokens | None = None,
        runtime: NodeRuntime | None = None,
    ) -> None:
        self.context = Context(
            store=store or MemoryStore(),
            registry=Registry(),
            admission=default_admission(),
            now=now,
        )
        self.ca = ca
        self.faults = Faults()
        self.runtime: NodeRuntime = runtime or NoNodes()
        self.tokens = tokens or Tokens(self.context.store, now)
        self._bootstrap()

    def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind.

        Raises:
            ApiError: 404 where it is not served.
        """
        found = self.context.registry.of_kind(api_version, kind)
        if found is None:
            raise no_such_path()
        return found

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object:
        """An object; to be read only.

        Raises:
            ApiError: 404.
        """
        resource = self.resource(api_version, kind)
        return writes.get_stored(self.context, resource, namespace, name).value

    def list(
        self, api_version: str, kind: str, namespace: str = "", options: ListOptions | None = None
    ) -> Page:
        """Objects of a kind, of one namespace or of all."""
        resource = self.resource(api_version, kind)
        return list_objects(self.context, resource, namespace, options or ListOptions())

    def watch(
        self, api_version: str, kind: str, namespace: str = "", options: WatchOptions | None = None
    ) -> Watch:
        """A watcher; ``subscribe`` tells when to ``drain``."""
        resource = self.resource(api_version, kind)
        return Watch(self.context, resource, namespace, options or WatchOptions())

    def create(self, value: Object, options: WriteOptions | None = None) -> Object:
        """Make an object, named by its own apiVersion, kind and metadata.

        Raises:
            ApiError: as the API would refuse it.
        """
        resource = self.resource(value["apiVersion"], value["kind"])
        namespace = value["metadata"].get("namespace", "")
        return writes.create(
            self.context, resource, namespace, value, options or WriteOptions()
        ).value

    def ensure(self, value: Object) -> None:
        """Make an object, unless there is one of its name.

        Raises:
            ApiError: as the API would refuse it.
        """
        try:
            self.create(value)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    def update(
        self, value: Object, options: WriteOptions | None = None, *, subresource: str = ""
    ) -> Object:
        """Replace an object, or with ``subresource="status"`` its status.

        Raises:
            ApiError: as the API would refuse it; 409 where the base is not the newest.
        """
        resource = self.resource(value["apiVersion"], value["kind"])
        metadata = value["metadata"]
        stored, _ = writes.update(
            self.context, resource, metadata.get("namespace", ""), metadata["name"], value,
            options or WriteOptions(), subresource,
        )  # fmt: skip
        return stored.value

    def patch(
        self, api_version: str, kind: str, namespace: str, name: str, body: Any,
        options: WriteOptions | None = None, *, how: str = patches.MERGE, subresource: str = "",
    ) -> Object:  # fmt: skip
        """Change an object by a patch (``patches.MERGE``, ``JSON``, ``STRATEGIC``, ``APPLY``).

        Raises:
            ApiError: as the API would refuse it.
        """
        stored, _ = patches.patch(
            self.context, self.resource(api_version, kind), namespace, name, how, body,
            options or WriteOptions(), subresource,
        )  # fmt: skip
        return stored.value

    def delete(
        self, api_version: str, kind: str, namespace: str, name: str,
        options: DeleteOptions | None = None,
    ) -> deletion.Deleted:  # fmt: skip
        """Delete an object, or mark it for those who hold it.

        Raises:
            ApiError: as the API would refuse it.
        """
        resource = self.resource(api_version, kind)
        return deletion.delete(self.context, resource, namespace, name, options or DeleteOptions())

    def close(self) -> None:
        """Let go of the store."""
        self.context.store.close()

    def _bootstrap(self) -> None:
        for name in NAMESPACES:
            self.ensure({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}})
        for value in (*self._service(), *bootstrap_roles()):
            self.ensure(value)

    def _service(self) -> Iterable[Object]:
        address = str(self.context.service_network[1])
        yield {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "clusterIP": address,
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
            },
        }
