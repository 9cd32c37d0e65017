"""The clusters behind the gateway, asked one by one or all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol, TypeVar

from spark_platform.gateway.deletions import Deletion
from spark_platform.gateway.members.kubernetes import KubernetesMember
from spark_platform.gateway.routing import Cluster
from spark_platform.kernel.errors import Conflict, PlatformError
from spark_platform.kernel.kubernetes.client import Kubernetes
from spark_platform.kernel.kubernetes.resources import Object

__all__ = ["Changes", "Clusters", "Member"]

T = TypeVar("T")


class Changes(Protocol):
    """A stream of changes; iterate it in one thread, ``stop`` it from any."""

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        """Pairs of ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK`` and an object.

        Raises:
            Expired: the version asked for is too old.
            Transient: the stream broke.
        """

    def stop(self) -> None:
        """Let the iteration end now."""


class Member(Protocol):
    """A cluster behind the gateway: SparkApplications, and where they run.

    Every method raises what ``spark_platform.kernel.kubernetes.errors`` lists, and ``Transient``
    where the cluster cannot be reached. Objects' and lists' versions are numbers that grow.
    """

    @property
    def cluster(self) -> Cluster:
        """As routing sees it; whether it is healthy is asked when that matters."""

    def check(self) -> None:
        """Ask whether it is there; an error says that it is not."""

    def against(self, application: Object) -> str:
        """What keeps an application from running here, for good; empty where nothing does."""

    def create(self, application: Object, domain: str, validation: str) -> Object:
        """Make an application, once, and all that it needs here; returns it as it is stored.

        Args:
            domain: whose it is.
            validation: of unknown fields, as Kubernetes has it.
        """

    def get(self, namespace: str, name: str) -> Object:
        """One application."""

    def list(self, namespace: str = "", labels: str = "") -> tuple[list[Object], str]:
        """All of a namespace, or of all, and the version of the list; ``labels`` selects."""

    def watch(self, namespace: str, labels: str, version: str) -> Changes:
        """Changes since a version, as they come."""

    def delete(self, namespace: str, name: str, deletion: Deletion) -> None:
        """Delete an application, which ends it."""

    def pod(self, namespace: str, name: str) -> Object:
        """A driver's pod."""

    def logs(self, namespace: str, pod: str, container: str, tail: int | None) -> str:
        """What a driver has printed; only so many last lines."""

    def close(self) -> None:
        """Let go of connections."""


class Clusters:
    """All of them.

    Args:
        members: by name.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = dict(members)
        self._alone = len(members) == 1
        self._pool = ThreadPoolExecutor(max(4, 2 * len(members)), "clusters")

    def close(self) -> None:
        """Let go of them."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for member in self._members.values():
            member.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def member(self, name: str) -> Member:
        """A cluster.

        Raises:
            Conflict: it is not behind the gateway any more.
        """
        if name not in self._members:
            raise Conflict(f"cluster {name} is not behind the gateway any more")
        return self._members[name]

    def kubernetes(self, name: str) -> Kubernetes:
        """The API of a cluster.

        Raises:
            Conflict: it is not behind the gateway any more, or is no Kubernetes.
        """
        found = self.member(name)
        if not isinstance(found, KubernetesMember):
            raise Conflict(f"cluster {name} is no Kubernetes")
        return found.kubernetes

    def everywhere(self, ask: Callable[[Member], T]) -> dict[str, T]:
        """What each cluster answers, all asked at once.

        Raises:
            PlatformError: one of them does not.
        """
        return dict(zip(self._members, self._asked(ask), strict=True))

    def seen(self, application: Object) -> Iterator[Cluster]:
        """The clusters as routing sees them now, for an application.

        Whether one is healthy is asked where there is another to choose: the only one says so
        itself, when it is to make the application.
        """

        def look(member: Member) -> Cluster:
            found = replace(member.cluster, against=member.against(application))
            try:
                if not self._alone:
                    member.check()
            except PlatformError:
                return replace(found, healthy=False)
            return found

        yield from self._asked(look)

    def _asked(self, ask: Callable[[Member], T]) -> Iterator[T]:
        members = self._members.values()
        # who asks one alone waits for it anyway
        return map(ask, members) if self._alone else self._pool.map(ask, members)
