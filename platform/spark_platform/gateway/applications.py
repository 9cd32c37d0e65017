"""SparkApplications over all clusters: what every door calls. Clusters are asked, not cached."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.backends.sk8.manifest import DIGEST
from spark_platform.backends.sk8.status import CLUSTER
from spark_platform.gateway.admission import ARCHIVED, NAMED, PLACED, REGION, admitted, placed
from spark_platform.gateway.archive import Archive, Archived
from spark_platform.gateway.audit import Audit, Change, Deed, Entry
from spark_platform.gateway.clusters import Changes, Clusters
from spark_platform.gateway.deletions import Deletion
from spark_platform.gateway.placements import Placement, Placements
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.gateway.routing import Wanted, route
from spark_platform.gateway.versions import Versions
from spark_platform.identity import Caller
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Transient,
)
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.resources import Object, key_of

__all__ = ["Applications"]

_DRIVER = re.compile(r"(?P<application>.+)-(?P<attempt>\d+)-driver")


class Applications:
    """Every application, wherever it is.

    Args:
        clusters: those behind the gateway.
        policy: who may do what.
        placements: where applications are.
        archive: those that have finished, as they were.
        audit: where it is written down who does what.
        now: the time.
    """

    def __init__(
        self,
        clusters: Clusters,
        policy: Policy,
        placements: Placements,
        archive: Archive,
        audit: Audit,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.policy, self.versions = policy, Versions(tuple(clusters))
        self.clusters = clusters
        self._placements, self._now = placements, now
        self._archive, self._audit = archive, audit

    def close(self) -> None:
        """Let go of the clusters and the databases."""
        self.clusters.close()
        for store in (self._placements, self._archive, self._audit):
            store.close()

    def create(self, caller: Caller, namespace: str, value: Any, *, validation: str = "") -> Object:
        """Make an application on the cluster that suits it; where it goes is decided once.

        Args:
            validation: of unknown fields, as Kubernetes has it: ``Strict``, ``Warn``, ``Ignore``.

        Raises:
            PlatformError: as a cluster would refuse it, or no cluster can take it.
        """
        with self._audit.joined(Deed(caller, "create", namespace, _called(value))) as change:
            name, domain = self.policy.authorized(caller, namespace)
            wanted = admitted(value, caller, name, domain, namespace)
            placement, fresh = self._place(caller, name, domain, wanted, change)
            change.cluster, change.why = placement.cluster, placement.why
            made = self._make(placement, wanted, validation, change, fresh=fresh)
        return self._told(placement.cluster, made)

    def get(self, caller: Caller, namespace: str, name: str) -> Object:
        """One application; of one that is not on its cluster any more what is archived.

        Raises:
            NotFound: there is none, or it was deleted by somebody.
        """
        self._authorize(Deed(caller, "get", namespace, name))
        try:
            return self._told(*self._find(namespace, name))
        except NotFound:
            archived = self._archived(namespace, name)
            if archived is None:
                raise
            return self._told_of(archived)

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
        self._authorize(Deed(caller, "list", namespace, called))
        pages = self.clusters.everywhere(lambda each: each.list(namespace, labels))
        found = [
            self._told(cluster, each)
            for cluster, (items, _) in pages.items()
            for each in items
            if called in ("", each["metadata"]["name"])
        ]
        version = self.versions.of_list({name: page[1] for name, page in pages.items()})
        return found, version

    def watch(
        self, caller: Caller, namespace: str, labels: str, version: str
    ) -> dict[str, Changes]:
        """The streams of changes of all clusters; ``event`` makes the gateway's of each of them.

        Raises:
            Expired: the version is none of a list's, or too old.
            Transient: a cluster does not answer.
        """
        self._authorize(Deed(caller, "watch", namespace))
        since = self.versions.read(version)
        opened: dict[str, Changes] = {}
        try:
            for name in self.clusters:
                opened[name] = self.clusters.member(name).watch(namespace, labels, since[name])
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
        with self._audit.changing(Deed(caller, "delete", namespace, name)) as told:
            self.policy.authorized(caller, namespace)
            try:
                told.cluster, found = self._find(namespace, name)
            except NotFound:
                archived = self._archived(namespace, name)
                if archived is None:
                    raise
                told.cluster = archived.cluster
                return self._hide(archived, deletion)
            self.clusters.member(told.cluster).delete(namespace, name, deletion)
            self._placements.over(namespace, name)
            return self._told(told.cluster, found)

    def driver(self, caller: Caller, namespace: str, pod: str) -> Object:
        """The pod of a driver.

        Raises:
            NotFound: there is none, or it is no driver's.
        """
        self._authorize(Deed(caller, "get pod", namespace, pod))
        return self.clusters.member(self._of_driver(namespace, pod)).pod(namespace, pod)

    def logs(
        self, caller: Caller, namespace: str, pod: str, container: str, tail: int | None
    ) -> str:
        """What a driver has printed.

        Raises:
            NotFound: there is none, or it is no driver's.
        """
        with self._audit.reading(Deed(caller, "logs", namespace, pod)) as told:
            self.policy.authorized(caller, namespace)
            told.cluster = self._of_driver(namespace, pod)
            return self.clusters.member(told.cluster).logs(namespace, pod, container, tail)

    def audited(
        self, caller: Caller, *, domain: str, namespace: str, after: int, limit: int
    ) -> Sequence[Entry]:
        """Entries of the audit: see ``Audit.entries``.

        Raises:
            Forbidden: the caller is none of the platform's.
        """
        with self._audit.looking(Deed(caller, "audit")):
            self.policy.everywhere(caller, "read the audit")
        return self._audit.entries(domain=domain, namespace=namespace, after=after, limit=limit)

    def _authorize(self, deed: Deed) -> None:
        """Let those pass who may look at a namespace, or at all."""
        with self._audit.looking(deed):
            if deed.namespace:
                self.policy.authorized(deed.caller, deed.namespace)
            else:
                self.policy.everywhere(deed.caller, f"{deed.verb} all namespaces")

    def _make(
        self, placement: Placement, wanted: Object, validation: str, change: Change, *, fresh: bool
    ) -> Object:
        """Have a cluster make what was placed on it; ``fresh`` where it was placed just now."""
        stamped = placed(wanted, {CLUSTER: placement.cluster, PLACED: placement.stamp})
        member = self.clusters.member(placement.cluster)
        try:
            made = member.create(stamped, placement.domain, validation)
        except (InvalidInput, Forbidden, NotFound):
            # nothing was made, so the name is as free as it was
            if fresh:
                self._placements.forget(placement)
            raise
        except AlreadyExists:
            # whoever made it may have ended before it could say so
            self._placements.made(placement)
            raise
        self._placements.made(placement, change.done)
        return made

    def _place(
        self, caller: Caller, name: str, domain: Domain, value: Object, change: Change
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
                change.asked()
                return known, False
            if for_ever:
                raise AlreadyExists(
                    f'{APPLICATIONS.plural}.spark.apache.org "{called}" was there and is gone'
                )
        chosen = route(_wanted(value, domain), self.clusters.seen(value))
        placement = Placement(
            namespace, called, chosen.cluster, chosen.explanation, name, caller.user, self._now()
        )
        if known is not None:
            self._placements.replace(known, placement)
        kept = self._placements.place(placement, change.asked)
        if kept is not placement:
            change.asked()
        return kept, kept == placement

    def _is_there(self, placement: Placement) -> bool:
        """Whether what was made is still there: a cluster forgets those that ended long ago."""
        try:
            self.clusters.member(placement.cluster).get(placement.namespace, placement.name)
        except NotFound:
            return False
        return True

    def _find(self, namespace: str, name: str) -> tuple[str, Object]:
        """An application, and the cluster that has it."""
        known = self._placements.find(namespace, name)
        if known is not None and known.cluster in self.clusters:
            return known.cluster, self.clusters.member(known.cluster).get(namespace, name)
        # made past the gateway
        away: list[str] = []
        for cluster in self.clusters:
            try:
                return cluster, self.clusters.member(cluster).get(namespace, name)
            except NotFound:
                continue
            except Transient:
                away.append(cluster)
        if away:
            raise Transient(f"clusters do not answer: {', '.join(away)}", retry_after_s=1)
        raise NotFound(f'{APPLICATIONS.plural}.spark.apache.org "{name}" not found')

    def _of_driver(self, namespace: str, pod: str) -> str:
        named = _DRIVER.fullmatch(pod)
        if named is None:
            raise NotFound(f'pods "{pod}" not found: the gateway knows drivers only')
        return self._find(namespace, named["application"])[0]

    def _told(self, cluster: str, found: Object) -> Object:
        told = placed(found, {CLUSTER: cluster})
        version = self.versions.of_object(cluster, found["metadata"]["resourceVersion"])
        return {**told, "metadata": {**told["metadata"], "resourceVersion": version}}

    def _archived(self, namespace: str, name: str) -> Archived | None:
        """What is left of an application that its cluster has not any more."""
        known = self._placements.find(namespace, name)
        if known is None or known.deleted:
            return None
        return self._archive.find(namespace, name, known.stamp)

    def _told_of(self, archived: Archived) -> Object:
        found = placed(archived.document, {CLUSTER: archived.cluster, ARCHIVED: "true"})
        # of a cluster that is not behind the gateway any more there is no version to count on
        return self._told(archived.cluster, found) if archived.cluster in self.clusters else found

    def _hide(self, archived: Archived, deletion: Deletion) -> Object:
        """Delete an application that is in the archive alone: it is not shown any more."""
        namespace, name = key_of(archived.document)
        if deletion.uid not in ("", archived.document["metadata"]["uid"]):
            raise Conflict(f'"{name}" is not the one of uid {deletion.uid}')
        self._placements.over(namespace, name)
        return self._told_of(archived)


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
        fallback=domain.fallback,
    )


def _called(value: Any) -> str:
    """The name of what was sent, whatever that is."""
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""
