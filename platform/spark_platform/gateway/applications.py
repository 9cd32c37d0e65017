"""SparkApplications over all clusters: what every door calls. Clusters are asked, not cached."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from spark_platform.backends.sk8.manifest import DIGEST
from spark_platform.backends.sk8.status import CLUSTER
from spark_platform.gateway.admission import NAMED, REGION, admitted
from spark_platform.gateway.deletions import Deletion
from spark_platform.gateway.placements import Placement, Placements
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.gateway.routing import Cluster, Wanted, route
from spark_platform.gateway.versions import Versions
from spark_platform.identity import Caller
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PlatformError,
    Transient,
)
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes, Watch
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.resources import Object, Resource

__all__ = ["APPLICATIONS", "Applications", "Member"]

APPLICATIONS = Resource("spark.apache.org/v1", "sparkapplications")
_AUDIT = logging.getLogger("spark_platform.gateway.audit")
_DRIVER = re.compile(r"(?P<application>.+)-(?P<attempt>\d+)-driver")


@dataclass(frozen=True)
class Member:
    """A cluster behind the gateway.

    Attributes:
        cluster: as routing sees it; whether it is healthy is asked when that matters.
        kubernetes: its API.
    """

    cluster: Cluster
    kubernetes: Kubernetes


class Applications:
    """Every application, wherever it is.

    Args:
        members: the clusters.
        policy: who may do what.
        placements: where applications are.
        now: the time.
    """

    def __init__(
        self,
        members: Mapping[str, Member],
        policy: Policy,
        placements: Placements,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.policy, self.versions = policy, Versions(tuple(members))
        self._members, self._placements, self._now = dict(members), placements, now
        self._pool = ThreadPoolExecutor(max(4, 2 * len(members)), "clusters")

    def close(self) -> None:
        """Let go of the clusters and the database."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for member in self._members.values():
            member.kubernetes.close()
        self._placements.close()

    def create(self, caller: Caller, namespace: str, value: Any, *, validation: str = "") -> Object:
        """Make an application on the cluster that suits it; where it goes is decided once.

        Args:
            validation: of unknown fields, as Kubernetes has it: ``Strict``, ``Warn``, ``Ignore``.

        Raises:
            PlatformError: as a cluster would refuse it, or no cluster can take it.
        """
        name, domain = self.policy.authorized(caller, namespace)
        wanted = admitted(value, caller, name, domain, namespace)
        placement, fresh = self._place(caller, name, domain, wanted)
        stamped = _annotated(wanted, CLUSTER, placement.cluster)
        try:
            made = self._of(placement.cluster).create(
                APPLICATIONS, namespace, stamped, validation=validation
            )
        except (InvalidInput, Forbidden, NotFound):
            # nothing was made, so the name is as free as it was
            if fresh:
                self._placements.forget(placement)
            raise
        except AlreadyExists:
            # whoever made it may have ended before it could say so
            self._placements.made(placement)
            raise
        self._placements.made(placement)
        _audit("create", caller, namespace, placement.name, placement.cluster, placement.why)
        return self._told(placement.cluster, made)

    def get(self, caller: Caller, namespace: str, name: str) -> Object:
        """One application.

        Raises:
            NotFound: there is none.
        """
        self.policy.authorized(caller, namespace)
        cluster, found = self._find(namespace, name)
        return self._told(cluster, found)

    def list(
        self, caller: Caller, namespace: str = "", labels: str = "", called: str = ""
    ) -> tuple[list[Object], str]:
        """The applications of a namespace, or of all, and the version of the list.

        Args:
            labels: a selector.
            called: only those of this name.

        Raises:
            Transient: a cluster does not answer: what is there must not seem to be gone.
        """
        self._authorize(caller, namespace)
        pages = self._everywhere(lambda each: each.list(APPLICATIONS, namespace, labels))
        found = [
            self._told(cluster, each)
            for cluster, (items, _) in pages.items()
            for each in items
            if called in ("", each["metadata"]["name"])
        ]
        version = self.versions.of_list({name: page[1] for name, page in pages.items()})
        return found, version

    def watch(self, caller: Caller, namespace: str, labels: str, version: str) -> dict[str, Watch]:
        """The streams of changes of all clusters; ``event`` makes the gateway's of each of them.

        Raises:
            Expired: the version is none of a list's, or too old.
            Transient: a cluster does not answer.
        """
        self._authorize(caller, namespace)
        since = self.versions.read(version)
        opened: dict[str, Watch] = {}
        try:
            for name, member in self._members.items():
                opened[name] = member.kubernetes.watch(APPLICATIONS, namespace, labels, since[name])
        except BaseException:
            for watch in opened.values():
                watch.stop()
            raise
        return opened

    def event(self, cluster: str, found: Object) -> Object:
        """An object of a cluster's stream, as the gateway tells it."""
        return self._told(cluster, found)

    def delete(self, caller: Caller, namespace: str, name: str, deletion: Deletion) -> Object:
        """Delete an application, which ends it; returns it as it was last.

        Args:
            deletion: how.

        Raises:
            NotFound: there is none.
            Conflict: it is not the one that was meant.
        """
        self.policy.authorized(caller, namespace)
        cluster, found = self._find(namespace, name)
        self._of(cluster).delete(
            APPLICATIONS,
            namespace,
            name,
            uid=deletion.uid,
            grace_s=deletion.grace_s,
            propagation=deletion.propagation,
        )
        self._placements.over(namespace, name)
        _audit("delete", caller, namespace, name, cluster, "")
        return self._told(cluster, found)

    def driver(self, caller: Caller, namespace: str, pod: str) -> Object:
        """The pod of a driver.

        Raises:
            NotFound: there is none, or it is no driver's.
        """
        return self._of(self._of_driver(caller, namespace, pod)).get(PODS, namespace, pod)

    def logs(
        self, caller: Caller, namespace: str, pod: str, container: str, tail: int | None
    ) -> str:
        """What a driver has printed.

        Raises:
            NotFound: there is none, or it is no driver's.
        """
        cluster = self._of_driver(caller, namespace, pod)
        return self._of(cluster).logs(namespace, pod, container, tail)

    def _authorize(self, caller: Caller, namespace: str) -> None:
        if namespace:
            self.policy.authorized(caller, namespace)
        else:
            self.policy.everywhere(caller)

    def _place(
        self, caller: Caller, name: str, domain: Domain, value: Object
    ) -> tuple[Placement, bool]:
        """Where an application is to be, and whether that was decided just now."""
        metadata = value["metadata"]
        namespace, called = metadata["namespace"], str(metadata.get("name") or "")
        if not called:
            raise InvalidInput("metadata.name is missing", hint="generateName is not supported")
        known = self._placements.find(namespace, called)
        for_ever = DIGEST in metadata["annotations"]
        if known is not None:
            # what was never made is still to be, where it was to be
            due = not (known.made or known.deleted)
            if due or (not (known.deleted and for_ever) and self._is_there(known)):
                return known, False
            if for_ever:
                raise AlreadyExists(
                    f'{APPLICATIONS.plural}.spark.apache.org "{called}" was there and is gone'
                )
        chosen = route(_wanted(value, domain), self._seen())
        placement = Placement(
            namespace, called, chosen.cluster, chosen.explanation, name, caller.user, self._now()
        )
        if known is not None:
            self._placements.replace(known, placement)
        kept = self._placements.place(placement)
        return kept, kept == placement

    def _is_there(self, placement: Placement) -> bool:
        """Whether what was made is still there: a cluster forgets those that ended long ago."""
        try:
            self._of(placement.cluster).get(APPLICATIONS, placement.namespace, placement.name)
        except NotFound:
            return False
        return True

    def _seen(self) -> Iterator[Cluster]:
        """The clusters as they are now."""

        def look(member: Member) -> Cluster:
            try:
                member.kubernetes.version()
            except PlatformError:
                return replace(member.cluster, healthy=False)
            return member.cluster

        yield from self._pool.map(look, self._members.values())

    def _find(self, namespace: str, name: str) -> tuple[str, Object]:
        """An application, and the cluster that has it."""
        known = self._placements.find(namespace, name)
        if known is not None and known.cluster in self._members:
            return known.cluster, self._of(known.cluster).get(APPLICATIONS, namespace, name)
        # made past the gateway
        away: list[str] = []
        for cluster in self._members:
            try:
                return cluster, self._of(cluster).get(APPLICATIONS, namespace, name)
            except NotFound:
                continue
            except Transient:
                away.append(cluster)
        if away:
            raise Transient(f"clusters do not answer: {', '.join(away)}", retry_after_s=1)
        raise NotFound(f'{APPLICATIONS.plural}.spark.apache.org "{name}" not found')

    def _of_driver(self, caller: Caller, namespace: str, pod: str) -> str:
        self.policy.authorized(caller, namespace)
        named = _DRIVER.fullmatch(pod)
        if named is None:
            raise NotFound(f'pods "{pod}" not found: the gateway knows drivers only')
        return self._find(namespace, named["application"])[0]

    def _everywhere(self, ask: Callable[[Kubernetes], Any]) -> dict[str, Any]:
        answers = self._pool.map(ask, (each.kubernetes for each in self._members.values()))
        return dict(zip(self._members, answers, strict=True))

    def _of(self, cluster: str) -> Kubernetes:
        if cluster not in self._members:
            raise Conflict(f"cluster {cluster} is not behind the gateway any more")
        return self._members[cluster].kubernetes

    def _told(self, cluster: str, found: Object) -> Object:
        metadata = found["metadata"]
        version = self.versions.of_object(cluster, metadata["resourceVersion"])
        annotations = {**(metadata.get("annotations") or {}), CLUSTER: cluster}
        told = {**metadata, "resourceVersion": version, "annotations": annotations}
        return {**found, "metadata": told}


def _wanted(value: Object, domain: Domain) -> Wanted:
    metadata = value["metadata"]
    annotations = metadata["annotations"]
    runtime = (value["spec"].get("runtimeVersions") or {}).get("sparkVersion") or ""
    return Wanted(
        key=f"{metadata['namespace']}/{metadata['name']}",
        engine=".".join(str(runtime).split(".")[:2]),
        region=annotations.get(REGION, ""),
        allowed=domain.clusters,
        named=annotations.get(NAMED, ""),
    )


def _annotated(value: Object, key: str, text: str) -> Object:
    metadata = value["metadata"]
    annotations = {**metadata["annotations"], key: text}
    return {**value, "metadata": {**metadata, "annotations": annotations}}


def _audit(verb: str, caller: Caller, namespace: str, name: str, cluster: str, why: str) -> None:
    _AUDIT.info(
        "%s %s/%s on %s by %s of %s%s",
        *(verb, namespace, name, cluster, caller.user, caller.domain, f": {why}" if why else ""),
    )
