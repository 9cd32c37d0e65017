"""Which cluster an application goes to, and why. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from spark_platform.kernel.errors import InvalidInput, Transient

__all__ = ["Cluster", "Route", "Wanted", "route"]


@dataclass(frozen=True)
class Cluster:
    """A cluster, as far as routing looks at it.

    Attributes:
        name: of the cluster.
        region: where it is; empty where that does not matter.
        engines: whose images it can run: ``4.1``; all where there is none.
        weight: its share of what could go to several; none goes to one of weight 0 by itself.
        healthy: whether its API answers.
    """

    name: str
    region: str = ""
    engines: frozenset[str] = frozenset()
    weight: float = 1.0
    healthy: bool = True


@dataclass(frozen=True)
class Wanted:
    """What an application needs of a cluster.

    Attributes:
        key: of the application; the same one has the same choice among the same clusters.
        engine: which Spark; empty where it is not known.
        region: where its data lies; empty for anywhere.
        allowed: the clusters that its domain may use; all where there is none.
        named: the one that it asks for; empty for any.
    """

    key: str
    engine: str = ""
    region: str = ""
    allowed: frozenset[str] = frozenset()
    named: str = ""


@dataclass(frozen=True)
class Route:
    """A choice.

    Attributes:
        cluster: its name.
        why: what decided.
        passed_over: every other cluster, and what spoke against it.
    """

    cluster: str
    why: str
    passed_over: dict[str, str]

    @property
    def explanation(self) -> str:
        """All of it, in one line."""
        others = "; ".join(f"{name}: {why}" for name, why in self.passed_over.items())
        return f"{self.why}{f' ({others})' if others else ''}"


def route(wanted: Wanted, clusters: Iterable[Cluster]) -> Route:
    """The cluster for an application.

    Capability, health and region decide who may have it; among those the weight, by a hash of the
    application's key (rendezvous hashing: a cluster that comes or goes moves only its own share).

    Raises:
        InvalidInput: no cluster could ever take it.
        Transient: those that could are not healthy.
    """
    passed_over: dict[str, str] = {}
    able: list[Cluster] = []
    for each in sorted(clusters, key=lambda cluster: cluster.name):
        reason = _against(wanted, each)
        if reason:
            passed_over[each.name] = reason
        else:
            able.append(each)
    healthy = [each for each in able if each.healthy]
    if not healthy:
        told = "; ".join(f"{name}: {why}" for name, why in passed_over.items())
        if able:
            names = ", ".join(each.name for each in able)
            raise Transient(f"no healthy cluster can take it: {names} do not answer")
        raise InvalidInput(
            f"no cluster can take it: {told or 'there is none'}",
            hint="ask for another engine, region or cluster",
        )
    passed_over |= {each.name: "it does not answer" for each in able if not each.healthy}
    chosen = max(healthy, key=lambda cluster: (_score(wanted.key, cluster), cluster.name))
    others = [each for each in healthy if each is not chosen]
    passed_over |= {each.name: "by its weight and the application's name" for each in others}
    why = "by weight" if others else "it is the only one that can"
    return Route(chosen.name, f"{chosen.name}: {why}", passed_over)


def _against(wanted: Wanted, cluster: Cluster) -> str:
    """What speaks against a cluster for good; empty where nothing does."""
    if wanted.named and cluster.name != wanted.named:
        return f"the application asks for {wanted.named}"
    if wanted.allowed and cluster.name not in wanted.allowed:
        return "the domain may not use it"
    if wanted.engine and cluster.engines and wanted.engine not in cluster.engines:
        return f"it has no engine {wanted.engine}"
    if wanted.region and cluster.region and cluster.region != wanted.region:
        return f"it is in {cluster.region}, the data in {wanted.region}"
    if cluster.weight <= 0 and not wanted.named:
        return "its weight is 0"
    return ""


def _score(key: str, cluster: Cluster) -> float:
    digest = hashlib.sha256(f"{key}\0{cluster.name}".encode()).digest()
    # in (0, 1): two hashes of 53 bits are never 0 or 1
    share = (int.from_bytes(digest[:8], "big") >> 11) / 2**53 or 2**-53
    # the weighted form of rendezvous hashing; a larger weight makes a larger score likelier
    return float(share ** (1 / max(cluster.weight, 1e-9)))
